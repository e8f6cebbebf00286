// The codes of a tensor, as tests look at them.
#pragma once

#include <vector>

#include "tensor/tensor.h"
#include "weights/code_packing.h"

namespace lapidary::weights {

// One by one, of any integer dtype, also of those that lie two in a byte.
inline std::vector<int> codes_in(const tensor::Tensor& tensor) {
  std::vector<int> out;
  if (bits_of(tensor.dtype()) != 4) {
    for (const int64_t code : tensor.to_integers().value()) out.push_back(static_cast<int>(code));
    return out;
  }
  const std::vector<std::byte> bytes = tensor.materialize().value();
  for (size_t i = 0; i < static_cast<size_t>(tensor.type().elements()); ++i) {
    out.push_back(tensor.dtype() == DType::kInt4 ? signed_nibble(bytes, i) : int{nibble(bytes, i)});
  }
  return out;
}

}  // namespace lapidary::weights
