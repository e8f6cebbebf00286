// Options of ONNX Runtime's QNN execution provider, checked. The provider itself takes a misspelt
// key or an impossible value in silence and compiles for something else.
//
//   LAP_ASSIGN_OR_RETURN(const htp::ProviderOptions options,
//                        htp::provider_options(qnn, {.arch = 81, .soc_model = 87},
//                                              {{"vtcm_mb", "8"}}));
//
// Source of keys and values: onnxruntime-qnn 2.7.0 (see provider_options.cc).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "htp/libraries.h"

namespace lapidary::htp {

// What to compile for. Both numbers are always given to the provider: without them a uint16 x int16
// product is refused, and where they disagree the soc model wins.
struct Chip {
  int arch = 0;       // 81 for v81
  int soc_model = 0;  // QNN's number of the chip: 87 is SM8850
};

// "v81", "81" -> {81, 87}. `soc_model` is a number, or "" for the chip that stands for the arch
// (v73 SM8550, v75 SM8650, v79 SM8750, v81 SM8850).
// Errors: kBadInput listing the known archs; a soc model that is no number > 0.
Result<Chip> parse_chip(const std::string& arch, const std::string& soc_model = "");

using ProviderOptions = std::vector<std::pair<std::string, std::string>>;

// All that a session needs: backend, arch, soc model, then `extra`.
// Errors: kBadInput for a key that does not exist (naming near ones) or that is set here, for a
// value that is not one of the key's.
Result<ProviderOptions> provider_options(const Libraries& libraries, const Chip& chip,
                                         const std::map<std::string, std::string>& extra);

}  // namespace lapidary::htp
