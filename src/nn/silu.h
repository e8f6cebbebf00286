// x * sigmoid(x) (Elfwing et al. 2017, arXiv:1702.03118), called SiLU or Swish.
#pragma once

#include <string>

#include "graph/builder.h"

namespace lapidary::nn {

// x: any shape -> the same shape.
graph::Ref silu(graph::Builder& b, const graph::Ref& x, const std::string& name);

}  // namespace lapidary::nn
