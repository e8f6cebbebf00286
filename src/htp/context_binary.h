// What a context binary says of itself. The vendor's loader is no help: on x86 it runs a binary of
// an older arch as if it were its own, and a device refuses one with an error that names nothing.
//
//   LAP_ASSIGN_OR_RETURN(const BinaryTarget made_for, read_binary_target(dir / "part.0.bin"));
//   print(made_for.arch);  // "v81"
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace lapidary::htp {

struct BinaryTarget {
  std::string arch;  // "v81"
  std::string soc;   // "SM8850"
  bool operator==(const BinaryTarget&) const = default;
};

// The first "soc_type=NAME;arch=N" in the bytes; the compiler of QNN 2.51 writes one for each graph
// among the settings it compiled with. nullopt: there is none.
std::optional<BinaryTarget> find_binary_target(std::span<const std::byte> bytes);

// Errors: kBadInput naming the file when it is none of the compiler's; kIo.
Result<BinaryTarget> read_binary_target(const std::filesystem::path& binary);

}  // namespace lapidary::htp
