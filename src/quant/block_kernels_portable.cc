// The kernels for any processor: the compiler lowers the eight-lane vectors to what the base
// instruction set has.
#include "quant/block_kernels.h"

// Nothing here passes a wide vector across a real call: every function that takes one is inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace lapidary::quant {
namespace portable {

#include "quant/lanes.inc"
// Order matters: the kernels are written in terms of the lanes.
#include "quant/kquant_kernel.inc"
#include "quant/rtn_kernel.inc"

}  // namespace portable

GroupKernel portable_kernel(Method method, const BlockFormat& format) {
  return method == Method::kKQuant ? portable::kquant_kernel(format) : portable::rtn_kernel(format);
}

}  // namespace lapidary::quant
