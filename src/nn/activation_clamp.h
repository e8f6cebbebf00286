// clamp(x, -limit, limit): keeps activations in a range that the next norm can square.
#pragma once

#include <string>

#include "graph/builder.h"

namespace lapidary::nn {

// x: any shape -> the same shape. An infinite limit is no clamp: x itself, no node.
graph::Ref activation_clamp(graph::Builder& b, const graph::Ref& x, const std::string& name,
                            float limit);

}  // namespace lapidary::nn
