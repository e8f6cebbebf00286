#include "nn/silu.h"

namespace lapidary::nn {

graph::Ref silu(graph::Builder& b, const graph::Ref& x, const std::string& name) {
  return b.op("Mul", {x, b.op("Sigmoid", {x}, name)}, name);
}

}  // namespace lapidary::nn
