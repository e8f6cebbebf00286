// The kernels, written once in Highway's vectors and compiled for each instruction set.
//
// The results must be the same bits on every machine and those of Olive (goldens_test.cc). So:
//   - a product and a sum round one after the other. Never hn::MulAdd; -ffp-contract=off keeps the
//     compiler from making one out of `a * b + c`;
//   - sums over a block follow the order of numpy, whatever the width of a vector (block_sum).
//
// Which sets: AVX-512, AVX2, SSE4 and NEON, and EMU128 (four lanes in plain C++) for x86 processors
// from before SSE4.1, which also is the yardstick that quant_test.cc compares the others with.
// Highway itself avoids EMU128 with GCC before 12.3, whose vectorizer breaks its products of
// integers; there are none here, and its replacement SCALAR lacks the operations that move lanes.
// SVE is left out because its vectors can be no members; AVX3_DL and SSSE3 would only cost compile
// time.
#define HWY_BROKEN_EMU128 0
#define HWY_DISABLED_TARGETS (~(HWY_EMU128 | HWY_SSE4 | HWY_AVX2 | HWY_AVX3 | HWY_NEON))

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block_kernels.cc"
#include "hwy/foreach_target.h"  // Includes this file once per set; everything else comes after it.
// Order matters.
#include "hwy/highway.h"
#include "quant/block_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace lapidary::quant {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A lambda does not inherit the instruction set of the function around it. EMU128's are not worth
// inlining: they would take most of this file's time in the compiler.
#undef LAP_LAMBDA
#if HWY_TARGET == HWY_EMU128
#define LAP_LAMBDA __attribute__((noinline))
#else
#define LAP_LAMBDA HWY_ATTR __attribute__((always_inline))
#endif

// --- Arithmetic that both methods share. V is a vector of floats.

template <class V>
HWY_INLINE V splat(float value) {
  return hn::Set(hn::DFromV<V>(), value);
}

// A NaN in v stays: the comparison with it is false. x86's own instructions do just that when v is
// their second operand; those of ARM do not.
template <class V>
HWY_INLINE V at_least(V v, V low) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  return hn::Max(low, v);
#else
  return hn::IfThenElse(hn::Lt(v, low), low, v);
#endif
}
template <class V>
HWY_INLINE V at_most(V v, V high) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  return hn::Min(high, v);
#else
  return hn::IfThenElse(hn::Lt(high, v), high, v);
#endif
}
template <class V>
HWY_INLINE V clip(V v, V low, V high) {
  return at_most(at_least(v, low), high);
}

// 2^23: the float with the integer n in its low bits is kLowBits + n, and adding v >= 0 to it
// rounds v to the nearest integer, ties to even.
constexpr float kLowBits = 8388608.0f;

// Nearest integer, ties to even, for |v| < 2^22. Bounds of clip() are integers, so rounding after
// clipping gives what numpy gets by clipping after rounding.
template <class V>
HWY_INLINE V round_even(V v) {
#if HWY_TARGET == HWY_EMU128
  // Its Round() makes 1 of 0.49999997.
  const V rounder = splat<V>(1.5f * kLowBits);
  return hn::CopySign((v + rounder) - rounder, v);
#else
  return hn::Round(v);
#endif
}

// kLowBits plus the nearest integer, ties up, for v in [0, 2^22). (The difference is exact; adding
// 0.5 to v would not be.)
template <class V>
HWY_INLINE V round_away_bits(V v) {
  const hn::DFromV<V> d;
  const hn::RebindToSigned<decltype(d)> di;
  const V low_bits = splat<V>(kLowBits);
  const V even = v + low_bits;
  const auto tie = hn::Ge(v - (even - low_bits), splat<V>(0.5f));
  // A mask is -1.
  return hn::BitCast(d, hn::BitCast(di, even) - hn::BitCast(di, hn::VecFromMask(d, tie)));
}

// Rows of four become columns, in each 128 bits of the vectors on their own.
template <class V>
HWY_INLINE void transpose(V* v) {
  const hn::DFromV<V> d;
  const V low02 = hn::InterleaveLower(d, v[0], v[2]), low13 = hn::InterleaveLower(d, v[1], v[3]);
  const V high02 = hn::InterleaveUpper(d, v[0], v[2]), high13 = hn::InterleaveUpper(d, v[1], v[3]);
  v[0] = hn::InterleaveLower(d, low02, low13);
  v[1] = hn::InterleaveUpper(d, low02, low13);
  v[2] = hn::InterleaveLower(d, high02, high13);
  v[3] = hn::InterleaveUpper(d, high02, high13);
}

// v - v is NaN where v is NaN or infinite, else 0; `broken` is the Or of such differences.
template <class V>
HWY_INLINE bool all_finite(V broken) {
  const hn::RebindToSigned<hn::DFromV<V>> di;
  return hn::AllTrue(di, hn::Eq(hn::BitCast(di, broken), hn::Zero(di)));
}

// The low bytes of a vector's worth of codes.
template <class DBytes>
HWY_INLINE hn::Vec<DBytes> low_bytes(DBytes d8, const uint16_t* codes) {
  const hn::RepartitionToWide<DBytes> d16;
  const auto low = hn::Load(d16, codes), high = hn::Load(d16, codes + hn::MaxLanes(d16));
  return hn::ConcatEven(d8, hn::BitCast(d8, high), hn::BitCast(d8, low));
}

// Packs n codes, a multiple of 64.
HWY_INLINE void pack_codes(const uint16_t* codes, size_t n, int bits, uint8_t* out) {
  const hn::CappedTag<uint8_t, 32> d8;
  const hn::RepartitionToWide<decltype(d8)> d16;
  constexpr size_t kBytes = hn::MaxLanes(d8);
  if (bits == 8) {
    for (size_t i = 0; i < n; i += kBytes) hn::StoreU(low_bytes(d8, codes + i), d8, out + i);
    return;
  }
  const auto pairs = [&](size_t i) LAP_LAMBDA {
    const auto v = hn::BitCast(d16, low_bytes(d8, codes + i));
    return hn::BitCast(d8, hn::Or(v, hn::ShiftRight<4>(v)));
  };
  for (size_t i = 0; i < n; i += 2 * kBytes) {
    hn::StoreU(hn::ConcatEven(d8, pairs(i + kBytes), pairs(i)), d8, out + i / 2);
  }
}

HWY_INLINE void store_zero_points(const float* zero_points, size_t n, uint8_t* out) {
  for (size_t b = 0; b < n; ++b) out[b] = static_cast<uint8_t>(zero_points[b]);
}

// --- The K-quant search. A lane is a block: vector i holds element i of all of them. Weights are
// transposed once; from then on scales, minima, errors and choices are whole vectors, and a sum
// needs no shuffles.

using D = hn::CappedTag<float, kGroup / 2>;
using V = hn::Vec<D>;
constexpr size_t kLanes = hn::MaxLanes(D());
constexpr int kSteps = 20;

struct Weights {
  V x, importance;
  V level;  // code of the candidate at hand
};

struct LevelSums {
  V l, ll, lx;  // sums of w*level, w*level^2, w*level*x per block
};
HWY_INLINE LevelSums operator+(const LevelSums& a, const LevelSums& b) {
  return {a.l + b.l, a.ll + b.ll, a.lx + b.lx};
}

// term(begin) + ... + term(begin + count - 1), in the order of a numpy float32 sum of up to 128
// elements: eight sums of every eighth element, added up as a tree.
template <class Term>
HWY_INLINE auto part_sum(size_t begin, size_t count, const Term& term) {
  decltype(term(begin)) pairs[4];
  // Two at a time: few sums are alive at once, so that they stay in registers.
#pragma GCC unroll 4  // so that pairs[] does, too
  for (size_t j = 0; j < 4; ++j) {
    const size_t first = begin + 2 * j;
    auto even = term(first), odd = term(first + 1);
    for (size_t i = first + 8; i < begin + count; i += 8) {
      even = even + term(i);
      odd = odd + term(i + 1);
    }
    pairs[j] = even + odd;
  }
  return (pairs[0] + pairs[1]) + (pairs[2] + pairs[3]);
}

// The same over a whole block: 256 elements are the sum of two halves.
template <class Term>
HWY_INLINE auto block_sum(size_t block, const Term& term) {
  const size_t part = HWY_MIN(block, size_t{128});
  auto sum = part_sum(0, part, term);
  for (size_t begin = part; begin < block; begin += part) sum = sum + part_sum(begin, part, term);
  return sum;
}

// Lanes 4i to 4i + 3 come from x + 4i * stride.
template <class DFloats>
HWY_INLINE hn::Vec<DFloats> load_quads(DFloats d, const float* x, size_t stride) {
  if constexpr (hn::MaxLanes(d) == 4) {
    return hn::LoadU(d, x);
  } else {
    const hn::Half<DFloats> half;
    const auto high = load_quads(half, x + hn::MaxLanes(half) * stride, stride);
    return hn::Combine(d, high, load_quads(half, x, stride));
  }
}

// kLanes blocks.
struct Blocks {
  Weights w[kMaxBlock];
  size_t size;  // of a block

  void load(const float* x, size_t block) {
    size = block;
    for (size_t i = 0; i < size; i += 4) {
      V v[4];
      for (size_t b = 0; b < 4; ++b) v[b] = load_quads(D(), x + b * size + i, size);
      transpose(v);
      for (size_t j = 0; j < 4; ++j) w[i + j].x = v[j];
    }
  }

  // Fills importance and the range of each block. False if a weight is not finite.
  bool measure(V& low, V& high) {
    low = high = w[0].x;
    V broken = hn::Zero(D());
    for (size_t i = 0; i < size; ++i) {
      low = at_most(low, w[i].x);
      high = at_least(high, w[i].x);
      broken = hn::Or(broken, w[i].x - w[i].x);
    }
    const V squares = block_sum(size, [&](size_t i) LAP_LAMBDA { return w[i].x * w[i].x; });
    const V average = hn::Sqrt(squares / splat<V>(static_cast<float>(size)));
    for (size_t i = 0; i < size; ++i) w[i].importance = average + hn::Abs(w[i].x);
    return all_finite(broken);
  }

  // level = clip(round(inverse * (x - offset)), lowest, highest), and the sums. Symmetric: offset
  // is not looked at.
  template <bool kSymmetric>
  HWY_INLINE LevelSums try_levels(V inverse, V offset, V lowest, V highest) {
    return block_sum(size, [&](size_t i) LAP_LAMBDA {
      const V x = w[i].x;
      const V spaced = kSymmetric ? inverse * x : inverse * (x - offset);
      const V level = round_even(clip(spaced, lowest, highest));
      w[i].level = level;
      const V wl = w[i].importance * level;
      return LevelSums{wl, wl * level, wl * x};
    });
  }

  // Sum of w * (scale * level + offset - x)^2 per block.
  template <bool kSymmetric>
  HWY_INLINE V weighted_error(V scale, V offset) const {
    return block_sum(size, [&](size_t i) LAP_LAMBDA {
      const V scaled = scale * w[i].level;
      const V d = (kSymmetric ? scaled : scaled + offset) - w[i].x;
      return w[i].importance * (d * d);
    });
  }
};

// The search over kLanes blocks, cut where it waits for its divisions while another one computes.
struct AsymmetricSearch {
  Blocks blocks;
  V low, high, highest;  // low moves with the best candidate
  V sum_w, sum_x;
  V scale, best;
  V new_scale, new_low;

  bool start(const float* x, const BlockFormat& format) {
    blocks.load(x, static_cast<size_t>(format.block_size));
    if (!blocks.measure(low, high)) return false;
    const Weights* w = blocks.w;
    sum_w = block_sum(blocks.size, [&](size_t i) LAP_LAMBDA { return w[i].importance; });
    sum_x = block_sum(blocks.size, [&](size_t i) LAP_LAMBDA { return w[i].importance * w[i].x; });
    highest = splat<V>(static_cast<float>(format.max_code()));
    const V inverse = spacing(highest);
    scale = splat<V>(1.0f) / inverse;
    blocks.try_levels<false>(inverse, low, hn::Zero(D()), highest);
    best = blocks.weighted_error<false>(scale, low);
    return true;
  }

  void propose(int step, const BlockFormat& format) {
    const float spread = static_cast<float>(-1 + 0.1 * step + format.max_code());
    const V inverse = spacing(splat<V>(spread));
    const LevelSums sum = blocks.try_levels<false>(inverse, low, hn::Zero(D()), highest);
    const V det = sum_w * sum.ll - sum.l * sum.l;
    new_scale = (sum_w * sum.lx - sum_x * sum.l) / det;
    new_low = (sum.ll * sum_x - sum.l * sum.lx) / det;
  }

  void judge() {
    const V error = blocks.weighted_error<false>(new_scale, new_low);
    const auto better = hn::Lt(error, best);
    best = hn::IfThenElse(better, error, best);
    scale = hn::IfThenElse(better, new_scale, scale);
    low = hn::IfThenElse(better, new_low, low);
  }

  V zero_point(const BlockFormat&) const {
    const V rounded = round_even(clip(hn::Neg(low) / scale, hn::Zero(D()), highest));
    return hn::IfThenElseZero(hn::Eq(rounded, rounded), rounded);
  }

 private:
  HWY_INLINE V spacing(V spread) const {
    return hn::IfThenElse(hn::Ne(low, high), spread / (high - low), splat<V>(1.0f));
  }
};

struct SymmetricSearch {
  Blocks blocks;
  V extreme, lowest, highest;
  V scale, best;
  V new_scale;

  bool start(const float* x, const BlockFormat& format) {
    blocks.load(x, static_cast<size_t>(format.block_size));
    V low, high;
    if (!blocks.measure(low, high)) return false;
    extreme = hn::IfThenElse(hn::Gt(high, hn::Neg(low)), high, low);
    lowest = splat<V>(static_cast<float>(-format.mid_code()));
    highest = splat<V>(static_cast<float>(format.mid_code() - 1));
    const V inverse = spacing(lowest);
    scale = splat<V>(1.0f) / inverse;
    blocks.try_levels<true>(inverse, hn::Zero(D()), lowest, highest);
    best = blocks.weighted_error<true>(scale, hn::Zero(D()));
    return true;
  }

  void propose(int step, const BlockFormat& format) {
    const float spread = static_cast<float>(-1 + 0.1 * step + format.mid_code());
    const V inverse = spacing(splat<V>(-spread));
    const LevelSums sum = blocks.try_levels<true>(inverse, hn::Zero(D()), lowest, highest);
    new_scale = sum.lx / sum.ll;
  }

  void judge() {
    const V error = blocks.weighted_error<true>(new_scale, hn::Zero(D()));
    const auto better = hn::Lt(error, best);
    best = hn::IfThenElse(better, error, best);
    scale = hn::IfThenElse(better, new_scale, scale);
  }

  V zero_point(const BlockFormat& format) const {
    return splat<V>(static_cast<float>(format.mid_code()));
  }

 private:
  HWY_INLINE V spacing(V spread) const {
    return hn::IfThenElse(hn::Ne(extreme, hn::Zero(D())), spread / extreme, splat<V>(1.0f));
  }
};

// code = clip(round(x / scale + zero_point)) in float64; NaN (0 / 0) becomes 0, as in numpy's cast.
// Of kLanes blocks.
void divide_codes(const float* x, const float* scales, const float* zero_points,
                  const BlockFormat& format, uint8_t* out) {
  const hn::CappedTag<double, 8> d;
  const hn::Rebind<float, decltype(d)> df;
  const hn::Rebind<int32_t, decltype(d)> di;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  const auto highest = hn::Set(d, static_cast<double>(format.max_code()));
  const auto rounder = hn::Set(d, 6755399441055744.0);  // 1.5 * 2^52: adding it rounds
  const size_t block = static_cast<size_t>(format.block_size);
  alignas(64) uint16_t codes[kLanes * kMaxBlock];
  for (size_t b = 0; b < kLanes; ++b) {
    const auto scale = hn::Set(d, static_cast<double>(scales[b]));
    const auto zero_point = hn::Set(d, static_cast<double>(zero_points[b]));
    for (size_t i = b * block; i < (b + 1) * block; i += hn::MaxLanes(d)) {
      auto q = hn::PromoteTo(d, hn::LoadU(df, x + i)) / scale + zero_point;
      q = hn::Min(hn::IfThenElseZero(hn::Gt(q, hn::Zero(d)), q), highest);
      hn::Store(hn::DemoteTo(d16, hn::DemoteTo(di, (q + rounder) - rounder)), d16, codes + i);
    }
  }
  pack_codes(codes, kLanes * block, format.bits, out);
}

template <class Search>
bool search_group(const float* x, const BlockFormat& format, uint8_t* codes, float* scales,
                  uint8_t* zero_points) {
  const size_t block = static_cast<size_t>(format.block_size);
  const size_t weights = kLanes * block;
  Search halves[2];
  // One where two would not fit into the first-level cache; then the divisions are few.
  const size_t count = block * sizeof(Weights) > (12 << 10) ? 1 : 2;
  for (size_t first = 0; first < kGroup; first += count * kLanes) {
    for (size_t h = 0; h < count; ++h) {
      if (!halves[h].start(x + h * weights, format)) return false;
    }
    for (int step = 0; step < kSteps; ++step) {
      for (size_t h = 0; h < count; ++h) halves[h].propose(step, format);
      for (size_t h = 0; h < count; ++h) halves[h].judge();
    }
    for (size_t h = 0; h < count; ++h) {
      alignas(64) float zps[kLanes];
      hn::StoreU(halves[h].scale, D(), scales);
      hn::Store(halves[h].zero_point(format), D(), zps);
      store_zero_points(zps, kLanes, zero_points);
      divide_codes(x, scales, zps, format, codes);
      x += weights;
      codes += weights * static_cast<size_t>(format.bits) / 8;
      scales += kLanes;
      zero_points += kLanes;
    }
  }
  return true;
}

bool kquant(const float* x, const BlockFormat& format, uint8_t* codes, float* scales,
            uint8_t* zero_points) {
  return format.symmetric ? search_group<SymmetricSearch>(x, format, codes, scales, zero_points)
                          : search_group<AsymmetricSearch>(x, format, codes, scales, zero_points);
}

// --- Round to nearest. Vectors are neighbouring weights, up to eight: the order in which a range
// is found decides the sign of a zero in it, and must not depend on the width.

using DRow = hn::CappedTag<float, 8>;
using VRow = hn::Vec<DRow>;
constexpr size_t kRowLanes = hn::MaxLanes(DRow());
constexpr size_t kRowParts = 8 / kRowLanes;  // vectors that hold eight neighbours

// Reduces kRowLanes blocks, each of them kRowParts vectors, to a lane each: ((0, 1), (2, 3)), ((4,
// 5), (6, 7)).
template <class Op>
HWY_INLINE VRow tree(const VRow* v, const Op& op) {
  const auto quads = [&](size_t first) LAP_LAMBDA {
    VRow q[4] = {v[first], v[first + kRowParts], v[first + 2 * kRowParts],
                 v[first + 3 * kRowParts]};
    transpose(q);
    return op(op(q[0], q[1]), op(q[2], q[3]));
  };
  if constexpr (kRowParts == 1) {
    const VRow low = quads(0), high = quads(4);
    return op(hn::ConcatLowerLower(DRow(), high, low), hn::ConcatUpperUpper(DRow(), high, low));
  } else {
    return op(quads(0), quads(1));
  }
}

// The range of kRowLanes blocks. False if a weight is not finite.
HWY_INLINE bool measure_range(const float* x, size_t block, VRow& low, VRow& high) {
  VRow lows[8], highs[8];
  VRow broken = hn::Zero(DRow());
  for (size_t b = 0; b < 8; ++b) {
    const float* from = x + b / kRowParts * block + b % kRowParts * kRowLanes;
    VRow least = hn::LoadU(DRow(), from), most = least;
    for (size_t i = 0; i < block; i += 8) {
      const VRow v = hn::LoadU(DRow(), from + i);
      least = at_most(least, v);
      most = at_least(most, v);
      broken = hn::Or(broken, v - v);
    }
    lows[b] = least;
    highs[b] = most;
  }
  low = tree(lows, [](VRow a, VRow b) LAP_LAMBDA { return at_most(a, b); });
  high = tree(highs, [](VRow a, VRow b) LAP_LAMBDA { return at_least(a, b); });
  return all_finite(broken);
}

struct RowScale {
  VRow scale, zero_point;
  VRow factor;  // GatherBlockQuantized divides by it, MatMulNBits multiplies
};

template <bool kSymmetric, bool kGather>
HWY_INLINE RowScale fit_range(VRow low, VRow high, VRow mid, VRow highest) {
  const VRow zero = hn::Zero(DRow()), one = splat<VRow>(1.0f);
  RowScale s;
  s.zero_point = mid;
  if constexpr (kSymmetric) {
    s.scale = hn::Neg(hn::IfThenElse(hn::Gt(hn::Abs(high), hn::Abs(low)), high, low)) / mid;
  } else {
    low = at_most(low, zero);
    high = at_least(high, zero);
    s.scale = (high - low) / highest;
  }
  const auto flat = hn::Eq(s.scale, zero);
  if constexpr (!kSymmetric && kGather) {
    const VRow rounded = round_even(clip(hn::Neg(low) / s.scale, zero, highest));
    s.zero_point = hn::IfThenElse(flat, mid, rounded);
  } else if constexpr (!kSymmetric) {
    const VRow exact = hn::IfThenElse(flat, low, zero - low / s.scale);
    s.zero_point = round_away_bits(clip(exact, zero, highest)) - splat<VRow>(kLowBits);
  }
  // An all-zero block has scale 0: a factor of 1 (or 0) turns its zeros into the zero point.
  s.factor = kGather ? hn::IfThenElse(flat, one, s.scale) : hn::IfThenZeroElse(flat, one / s.scale);
  return s;
}

// The code of v in the low bits.
template <bool kSymmetric, bool kGather>
HWY_INLINE VRow code_bits(VRow v, VRow factor, VRow zero_point, VRow mid, VRow highest) {
  const VRow zero = hn::Zero(DRow()), low_bits = splat<VRow>(kLowBits);
  if constexpr (!kGather) {
    const VRow q = v * factor + zero_point;
    // 0 * inf, when the reciprocal of a subnormal scale overflows, becomes 0 like all below.
    const VRow positive = hn::IfThenElseZero(hn::Gt(q, zero), q);
    return round_away_bits(hn::Min(positive, highest));
  } else if constexpr (kSymmetric) {
    return clip(v / factor, hn::Neg(mid), mid - splat<VRow>(1.0f)) + (low_bits + mid);
  } else {
    return clip(v / factor + zero_point, zero, highest) + low_bits;
  }
}

template <bool kSymmetric, bool kGather>
bool round_rows(const float* x, const BlockFormat& format, uint8_t* codes, float* scales,
                uint8_t* zero_points) {
  const hn::Repartition<uint16_t, DRow> d16;
  const size_t block = static_cast<size_t>(format.block_size);
  const size_t weights = kRowLanes * block;
  const VRow mid = splat<VRow>(static_cast<float>(format.mid_code()));
  const VRow highest = splat<VRow>(static_cast<float>(format.max_code()));
  for (size_t first = 0; first < kGroup; first += kRowLanes) {
    VRow low, high;
    if (!measure_range(x, block, low, high)) return false;
    const RowScale s = fit_range<kSymmetric, kGather>(low, high, mid, highest);
    alignas(64) float factors[kRowLanes], zps[kRowLanes];
    hn::StoreU(s.scale, DRow(), scales);
    hn::Store(s.factor, DRow(), factors);
    hn::Store(s.zero_point, DRow(), zps);
    store_zero_points(zps, kRowLanes, zero_points);

    alignas(64) uint16_t staged[kRowLanes * kMaxBlock];
    for (size_t b = 0; b < kRowLanes; ++b) {
      const VRow factor = splat<VRow>(factors[b]), zero_point = splat<VRow>(zps[b]);
      const auto bits = [&](size_t i) LAP_LAMBDA {
        const VRow v = hn::LoadU(DRow(), x + i);
        return hn::BitCast(d16,
                           code_bits<kSymmetric, kGather>(v, factor, zero_point, mid, highest));
      };
      for (size_t i = b * block; i < (b + 1) * block; i += 2 * kRowLanes) {
        hn::Store(hn::ConcatEven(d16, bits(i + kRowLanes), bits(i)), d16, staged + i);
      }
    }
    pack_codes(staged, weights, format.bits, codes);
    x += weights;
    codes += weights * static_cast<size_t>(format.bits) / 8;
    scales += kRowLanes;
    zero_points += kRowLanes;
  }
  return true;
}

bool rtn(const float* x, const BlockFormat& format, uint8_t* codes, float* scales,
         uint8_t* zero_points) {
  const bool gather = format.layout == Layout::kGatherBlockQuantized;
  const auto kernel = format.symmetric
                          ? (gather ? round_rows<true, true> : round_rows<true, false>)
                          : (gather ? round_rows<false, true> : round_rows<false, false>);
  return kernel(x, format, codes, scales, zero_points);
}

}  // namespace HWY_NAMESPACE
}  // namespace lapidary::quant
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lapidary::quant {

HWY_EXPORT(kquant);
HWY_EXPORT(rtn);

bool kquant_group(const float* x, const BlockFormat& format, uint8_t* codes, float* scales,
                  uint8_t* zero_points) {
  return HWY_DYNAMIC_DISPATCH(kquant)(x, format, codes, scales, zero_points);
}

bool rtn_group(const float* x, const BlockFormat& format, uint8_t* codes, float* scales,
               uint8_t* zero_points) {
  return HWY_DYNAMIC_DISPATCH(rtn)(x, format, codes, scales, zero_points);
}

std::vector<int64_t> kernel_targets() {
  std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  // Highway's library may have been compiled with SCALAR for its fallback instead; the kernels' own
  // is called all the same when no other set is there.
  constexpr int64_t kFallback = HWY_TARGETS & HWY_EMU128;
  if (kFallback != 0 && (targets.empty() || targets.back() != kFallback)) {
    targets.push_back(kFallback);
  }
  return targets;
}

}  // namespace lapidary::quant
#endif  // HWY_ONCE
