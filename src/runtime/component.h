// Opens one graph of a package.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ort/session.h"
#include "package/package.h"
#include "runtime/port_check.h"

namespace lapidary::runtime {

// The graph of component `name`, held against the manifest and against what the caller is going to
// bind. Errors: kBadInput when the package lacks the component or its ports are others (naming the
// port); those of ort::Session::open.
Result<ort::Session> open_component(const package::Package& package, const std::string& name,
                                    const std::vector<PortRule>& inputs,
                                    const std::vector<PortRule>& outputs,
                                    const ort::SessionOptions& options);

}  // namespace lapidary::runtime
