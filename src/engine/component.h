// Opens one graph of a package. ONNX Runtime opens it and its data by path: whoever has opened the
// last graph asks package::Package::unchanged().
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/device.h"
#include "engine/port_check.h"
#include "ort/session.h"
#include "package/package.h"

namespace lapidary::engine {

// One of the graphs: its context when `device` has one, else the plain graph, held against the
// manifest. Errors: kBadInput when the manifest does not list the graph or a file that it refers
// to, or its ports are others (naming the port); those of ort::Session::open.
Result<ort::Session> open_graph(const package::Package& package, const package::GraphRecord& graph,
                                const ort::SessionOptions& options, const ResolvedDevice& device);

// The graph of component `name`: its context when `device` has one, else the plain graph on the
// CPU. Held against the manifest and against what the caller is going to bind. Errors: kBadInput
// when the package lacks the component; those of open_graph.
Result<ort::Session> open_component(const package::Package& package, const std::string& name,
                                    const std::vector<PortRule>& inputs,
                                    const std::vector<PortRule>& outputs,
                                    const ort::SessionOptions& options,
                                    const ResolvedDevice& device = {});

}  // namespace lapidary::engine
