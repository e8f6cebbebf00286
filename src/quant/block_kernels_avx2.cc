// The kernels compiled for AVX2 and called only where the processor has it. FMA stays off: the
// results must equal the portable kernels' bit for bit.
#include "quant/block_kernels.h"

#if defined(__x86_64__)
// Every header comes before the pragma, so that no inline function shared with other files is
// compiled for AVX2 by accident.
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
// Not __AVX2__: GCC 12 does not define it after the pragma when it only preprocesses, as ccache
// makes it do first.
#define LAPIDARY_QUANT_AVX2 1

namespace lapidary::quant {
namespace avx2 {

#include "quant/lanes.inc"
// Order matters: the kernels are written in terms of the lanes.
#include "quant/kquant_kernel.inc"
#include "quant/rtn_kernel.inc"

}  // namespace avx2
}  // namespace lapidary::quant

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

namespace lapidary::quant {

GroupKernel avx2_kernel(Method method, const BlockFormat& format) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2")) return nullptr;
  return method == Method::kKQuant ? avx2::kquant_kernel(format) : avx2::rtn_kernel(format);
#else
  static_cast<void>(method);
  static_cast<void>(format);
  return nullptr;
#endif
}

}  // namespace lapidary::quant
