// Affine quantization: x ~ (code - zero_point) * scale, as QuantizeLinear and DequantizeLinear of
// ONNX compute it.
//
//   LAP_ASSIGN_OR_RETURN(Affine a, affine_of({-1.0F, 3.0F}, DType::kUint16, false));
//   std::vector<std::byte> codes(packed_bytes(DType::kUint16, x.size()));
//   LAP_RETURN_IF_ERROR(quantize(x, a, DType::kUint16, codes));
//
// Zero is always represented exactly. Symmetric encodings have zero point 0 (in the middle for
// unsigned types) and do not use the most negative code, so that x and -x have codes of one size.
//
// Source: compute_scale_zp and quantize_nparray of onnxruntime.quantization 1.31, whose scales and
// zero points affine_of repeats bit for bit (goldens); ranges of codes as there, but symmetric int4
// is [-7, 7], so that the largest weight is represented exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"

namespace lapidary::quant {

// The types that codes may have: int4, int8, uint8, int16, uint16. All below takes these only.
bool is_code_type(DType type);
// By name. Error: a name outside that list; `where` names its place.
Result<DType> integer_type_of(std::string_view name, const std::string& where);

struct CodeRange {
  int32_t min = 0, max = 0;
};
// [0, 0] for a type that codes do not have.
CodeRange codes_of(DType type, bool symmetric);

struct Range {
  float min = 0, max = 0;
  bool operator==(const Range&) const = default;
};
// The smallest range that holds both.
Range united(const Range& a, const Range& b);

struct Affine {
  float scale = 1;
  int32_t zero_point = 0;
  bool operator==(const Affine&) const = default;
};

// The encoding of a range, widened to hold zero; a range too small for a normal float32 scale gets
// scale 1 and zero point 0. kBadInput: limits that are not finite, or min > max; no code type.
Result<Affine> affine_of(const Range& range, DType type, bool symmetric);

enum class ScaleSearch {
  kMinMax,  // the largest magnitude becomes the largest code
  kMse,     // of 64 scales between 1/2 and 1 of that, the one with the smallest squared error
};

// Symmetric scales, one for each row of `rows` [scales.size(), k], signed types only. Both searches
// are exact functions of the row. kBadInput: a weight that is not finite, sizes that do not fit.
Status channel_scales(std::span<const float> rows, size_t k, DType type, ScaleSearch search,
                      std::span<float> scales);

// Bytes of n codes; two int4 a byte, the lower index in the low nibble.
size_t packed_bytes(DType type, size_t n);

// round_half_even(x / scale) + zero point, clamped to the type's codes, in little endian.
// kBadInput: an x that is not finite, a size that does not fit, a zero point outside the type, no
// code type.
Status quantize(std::span<const float> x, const Affine& affine, DType type,
                std::span<std::byte> codes);
// (code - zero_point) * scale, rounding once.
Status dequantize(std::span<const std::byte> codes, const Affine& affine, DType type,
                  std::span<float> x);

// One code, as quantize computes it; x must be finite.
int32_t code_of(float x, const Affine& affine, const CodeRange& codes);
// Packs codes that lie within the type.
void pack(std::span<const int32_t> codes, DType type, std::span<std::byte> packed);

}  // namespace lapidary::quant
