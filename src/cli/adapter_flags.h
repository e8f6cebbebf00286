// --adapter, of the commands that read a checkpoint.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/adapter.h"
#include "cli/command.h"

namespace lapidary::cli {

struct AdapterFlags {
  std::vector<std::string> adapters;  // as given: DIR or DIR=WEIGHT

  void add_to(Command command);
  // A folder that is there is taken as it is, whatever its name has in it. Errors: kBadInput for a
  // weight that is no finite number.
  Result<std::vector<checkpoint::AdapterSource>> resolve() const;
};

}  // namespace lapidary::cli
