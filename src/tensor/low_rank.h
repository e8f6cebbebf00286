// A weight with the low-rank updates of adapters (LoRA) added: nothing is read until rows of the
// sum are, and no more than these rows is held beside A.
// describe() is "add_low_rank(w, 2 * b @ a of 9f31...)".
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace lapidary::tensor {

// scale * (B @ A). A is [r, K], B is [N, r], of any float dtypes but float64.
struct LowRankUpdate {
  Tensor a, b;
  float scale = 1;
  // Tells other contents of `a` and `b` of the same names apart in describe(): a hash of their
  // file.
  std::string source;
};

// float32(w) + the sum of the updates, float32 [N, K]; `w` is [N, K] of a float dtype. An element
// is sum over r in order, times scale, added to the weight, update after update, each step rounded
// to float32: the same bits however the rows are cut and whoever asks. A is read whole with the
// first rows and kept, 4 * r * K bytes; B is read by rows. Shape and dtype errors are programming
// errors, checked by assertions.
Tensor add_low_rank(const Tensor& w, std::vector<LowRankUpdate> updates);

}  // namespace lapidary::tensor
