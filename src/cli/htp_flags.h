// Options of the commands that compile for the HTP.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/compile_component.h"
#include "cli/cache_flags.h"
#include "cli/command.h"
#include "target/soc.h"

namespace lapidary::cli {

struct ChipFlags {
  std::string arch, soc;

  void add_to(Command command);
  // Nothing when neither is given. Errors: kBadInput for an arch or soc that is not known.
  Result<std::optional<target::Target>> resolve() const;
};

struct HtpFlags {
  ChipFlags chip;
  std::string qnn_libs;
  CacheFlags cache;
  std::vector<std::string> allow_cpu;
  double memory_gib = 0;
  double seconds = 3600;
  bool no_probe = false;

  void add_to(Command command);
  // `compiles`: whether anything is compiled, and a cache is looked for. Errors: those of
  // ChipFlags::resolve() and CacheFlags::resolve().
  Result<build::HtpOptions> resolve(bool compiles) const;
};

}  // namespace lapidary::cli
