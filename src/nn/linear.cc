#include "nn/linear.h"

#include "tensor/expressions.h"

namespace lapidary::nn {

graph::Ref linear(graph::Builder& b, const graph::Ref& x, const std::string& name,
                  const tensor::Tensor& weight) {
  const graph::Ref w =
      b.weight(name + ".weight", tensor::transpose(tensor::cast(weight, DType::kFloat)));
  return b.op("MatMul", {x, w}, name);
}

}  // namespace lapidary::nn
