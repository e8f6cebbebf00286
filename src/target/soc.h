// Which chip a package is for: Hexagon architectures and Qualcomm's SoC models.
//
//   LAP_ASSIGN_OR_RETURN(const Target target, resolve("", "SM8850"));
//   const Arch arch = target.arch;        // Arch::kV81
//   const int model = target.soc->model;  // 87: what the QNN provider option `soc_model` wants
//
// Source of the table: the context binaries of the stack of record.h, compiled once per number from
// 0 to 130 on x86; each one says "soc_type=NAME;arch=N" and "min_arch=N". Numbers for which the two
// archs differ, or with an arch that has no record, are left out.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace lapidary::target {

// Values are the numbers in the names, which the provider option `htp_arch` takes.
enum class Arch : int { kV73 = 73, kV75 = 75, kV79 = 79, kV81 = 81 };

struct Soc {
  const char* name;
  int model;
  Arch arch;
  int64_t vtcm_bytes;  // tightly coupled memory that the compiler plans with by default
};

// Another name of a chip of the table: what Linux writes into /sys/devices/soc0/machine, or what
// the chip is sold as.
struct SocAlias {
  const char* name;
  const char* soc;       // Soc::name
  const char* evidence;  // who says so
};

// A chosen chip. The SoC is always set: with an arch alone the stack refuses forms that it takes
// when it knows the chip, and `soc_model` wins over `htp_arch` when they differ.
struct Target {
  Arch arch;
  const Soc* soc;  // a row of socs()
};

std::span<const Arch> archs();  // ascending
std::span<const Soc> socs();    // ascending by arch, the one that stands for the arch first
std::span<const SocAlias> soc_aliases();

std::string name_of(Arch arch);         // "v81"
const Soc& representative(Arch arch);   // the SoC that an arch alone stands for
std::string name_of(const Target& at);  // "v81 (SM8850)"

// `arch`: "v81" or "81"; `soc`: "SM8850", "87" or an alias; letters of either case. An empty one
// follows from the other.
// Errors: kBadInput when both are empty, one is not known (listing those known), or they contradict
// each other.
Result<Target> resolve(const std::string& arch, const std::string& soc);

}  // namespace lapidary::target
