// `lapidary targets --probe`: the records measured again on the installed stack.
#pragma once

#include <string>

#include "base/result.h"

namespace lapidary::cli {

struct TargetsProbeFlags {
  std::string arch;  // "all": each arch; "v81" ...
  std::string soc;
  std::string qnn_libs;
  std::string only;  // a glob of rules' ids
  bool json = false;
};

// Prints what changed. Returns the exit code: kExitInternal when something did.
Result<int> probe_targets(const TargetsProbeFlags& flags);

}  // namespace lapidary::cli
