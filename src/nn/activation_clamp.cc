#include "nn/activation_clamp.h"

#include <cmath>

namespace lapidary::nn {

graph::Ref activation_clamp(graph::Builder& b, const graph::Ref& x, const std::string& name,
                            float limit) {
  if (std::isinf(limit)) return x;
  return b.op("Clip", {x, b.constant_scalar(-limit), b.constant_scalar(limit)}, name);
}

}  // namespace lapidary::nn
