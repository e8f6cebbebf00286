// How far what an accelerator computed is from what ONNX Runtime's CPU computed.
#pragma once

#include "base/result.h"
#include "ort/session.h"

namespace lapidary::probe {

struct Difference {
  double cosine = 1;
  double relative_error = 0;  // |a - b| / |b|, Euclidean; |a| when b is zero
  bool finite = true;         // false: a value is not finite where the reference is
};

// Quantized codes are compared as distances from `zero_point`. Values that are not finite in the
// reference are left out, but not all of them. Integers of 32 and 64 bits and bools must be equal:
// any difference is a relative error of 1 or more. Errors: kInternal when name, dtype or shape
// differ, or when the reference has values and none of them is finite, so that nothing was
// compared.
Result<Difference> compare(const ort::HostTensor& measured, const ort::HostTensor& reference,
                           double zero_point = 0);

}  // namespace lapidary::probe
