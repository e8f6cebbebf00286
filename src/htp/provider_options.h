// Options of ONNX Runtime's QNN execution provider, checked. The provider itself takes a misspelt
// key or an impossible value in silence and compiles for something else.
//
//   LAP_ASSIGN_OR_RETURN(const htp::ProviderOptions options,
//                        htp::provider_options(qnn, chip, {{"vtcm_mb", "8"}}));
//
// Source of keys and values: onnxruntime-qnn 2.7.0 (see provider_options.cc).
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "htp/libraries.h"
#include "target/soc.h"

namespace lapidary::htp {

using ProviderOptions = std::vector<std::pair<std::string, std::string>>;

// All that a session needs: backend, arch, soc model, then `extra`. Arch and soc are always given:
// without them a uint16 x int16 product is refused.
// Errors: kBadInput for a key that does not exist (naming near ones) or that is set here, for a
// value that is not one of the key's, for a library that is not named by an absolute path.
Result<ProviderOptions> provider_options(const Libraries& libraries, const target::Target& chip,
                                         const std::map<std::string, std::string>& extra);

// Of the options that a package was compiled with, those that say how its context binaries are
// loaded and run; the others are in the binaries. None of them names a library: a package cannot have
// one loaded.
std::map<std::string, std::string> run_time_options(
    const std::map<std::string, std::string>& options);

}  // namespace lapidary::htp
