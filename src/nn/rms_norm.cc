#include "nn/rms_norm.h"

#include <vector>

#include "tensor/expressions.h"

namespace lapidary::nn {

graph::Ref rms_norm(graph::Builder& b, const graph::Ref& x, const std::string& name,
                    const tensor::Tensor& weight, double eps) {
  const graph::Ref w = b.weight(name + ".weight", tensor::cast(weight, DType::kFloat));
  return b.op("RMSNormalization", {x, w}, name,
              {{"axis", int64_t{-1}}, {"epsilon", static_cast<float>(eps)}});
}

graph::Ref rms_norm_unscaled(graph::Builder& b, const graph::Ref& x, const std::string& name,
                             int64_t dim, double eps) {
  return rms_norm(b, x, name,
                  tensor::floats({dim}, std::vector<float>(static_cast<size_t>(dim), 1.0f)), eps);
}

}  // namespace lapidary::nn
