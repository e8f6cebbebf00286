#include "probe/rule_form.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "probe/reference_run.h"
#include "tensor/expressions.h"

namespace lapidary::probe {
namespace {

using target::Scheme;

template <typename T>
void append(std::vector<std::byte>& bytes, T value) {
  const size_t at = bytes.size();
  bytes.resize(at + sizeof(T));
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

void append(std::vector<std::byte>& bytes, DType dtype, int64_t value) {
  switch (bits_of(dtype)) {
    case 64:
      return append(bytes, value);
    case 32:
      return append(bytes, static_cast<int32_t>(value));
    case 16:
      return append(bytes, static_cast<uint16_t>(value));
    default:
      return append(bytes, static_cast<uint8_t>(value));
  }
}

// Codes as ONNX stores them: two's complement, two 4-bit ones a byte, the low one first.
std::vector<std::byte> packed(DType dtype, const std::vector<int64_t>& codes) {
  std::vector<std::byte> bytes;
  if (bits_of(dtype) > 4) {
    for (const int64_t code : codes) append(bytes, dtype, code);
    return bytes;
  }
  for (size_t i = 0; i < codes.size(); i += 2) {
    const int64_t high = i + 1 < codes.size() ? codes[i + 1] : 0;
    append(bytes, static_cast<uint8_t>((codes[i] & 15) | ((high & 15) << 4)));
  }
  return bytes;
}

int64_t rounded(float value, float scale, int64_t most) {
  return std::clamp<int64_t>(std::lround(value / scale), -most, most);
}

float largest(const std::vector<float>& values, size_t begin, size_t count, size_t step) {
  float most = 1e-6F;
  for (size_t i = 0; i < count; ++i) most = std::max(most, std::abs(values[begin + i * step]));
  return most;
}

// [rows, cols] -> [cols, rows] when wanted.
template <typename T>
std::vector<T> laid_out(const std::vector<T>& values, int64_t rows, int64_t cols, bool transposed) {
  if (!transposed) return values;
  std::vector<T> out(values.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      out[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * cols + c)];
    }
  }
  return out;
}

Dims dims_of(int64_t rows, int64_t cols, bool transposed) {
  return transposed ? Dims{cols, rows} : Dims{rows, cols};
}

constexpr int64_t kOtherZeroPoint = 2;

}  // namespace

int64_t middle_of(DType code) {
  const bool is_unsigned = code == DType::kUint4 || code == DType::kUint8 || code == DType::kUint16;
  return is_unsigned ? int64_t{1} << (bits_of(code) - 1) : 0;
}

int64_t largest_of(DType code) { return (int64_t{1} << (bits_of(code) - 1)) - 1; }

std::vector<float> Form::gaussians(int64_t count, float sigma, float shift) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = sigma * gaussian(random_) + shift;
  return values;
}

Ref Form::feed(DType dtype, const Dims& dims, std::vector<std::byte> bytes) {
  const std::string name = fresh("x");
  inputs_.push_back({name, dtype, dims, std::move(bytes)});
  return builder_.input(name, dtype, {dims.begin(), dims.end()});
}

Ref Form::floats(const Dims& dims, float sigma, float shift) {
  return float_values(dims, gaussians(tensor::element_count(dims), sigma, shift));
}

Ref Form::float_values(const Dims& dims, const std::vector<float>& values) {
  std::vector<std::byte> bytes;
  for (const float value : values) append(bytes, value);
  return feed(DType::kFloat, dims, std::move(bytes));
}

Ref Form::integers(DType dtype, const Dims& dims, const std::vector<int64_t>& values) {
  return feed(dtype, dims, packed(dtype, values));
}

Ref Form::bools(const Dims& dims) {
  std::vector<std::byte> bytes(static_cast<size_t>(tensor::element_count(dims)));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>((random_() >> 9) & 1U);
  return feed(DType::kBool, dims, std::move(bytes));
}

Ref Form::symbolic_floats(const Dims& dims) {
  const std::string name = fresh("x");
  const size_t bytes = static_cast<size_t>(tensor::element_count(dims)) * sizeof(float);
  inputs_.push_back({name, DType::kFloat, dims, std::vector<std::byte>(bytes)});
  graph::SymbolicShape shape(dims.begin(), dims.end());
  shape[0] = "n";
  return builder_.input(name, DType::kFloat, std::move(shape));
}

Ref Form::quantized(DType code, const Dims& dims, float range, float sigma, float shift) {
  return quantized_values(code, dims, gaussians(tensor::element_count(dims), sigma, shift), range);
}

Ref Form::quantized_values(DType code, const Dims& dims, const std::vector<float>& values,
                           float range) {
  const int64_t most = largest_of(code);
  const float scale = range / static_cast<float>(most);
  std::vector<int64_t> codes;
  codes.reserve(values.size());
  for (const float value : values) codes.push_back(rounded(value, scale, most) + middle_of(code));
  const Ref input = integers(code, dims, codes);
  return op("DequantizeLinear",
            {input, constant({}, {scale}), integer_constant(code, {}, {middle_of(code)})});
}

Ref Form::constant(const Dims& dims, const std::vector<float>& values) {
  return builder_.weight(fresh("c"), tensor::floats(dims, values));
}

Ref Form::gaussian_constant(const Dims& dims, float sigma, float shift) {
  return constant(dims, gaussians(tensor::element_count(dims), sigma, shift));
}

Ref Form::integer_constant(DType dtype, const Dims& dims, const std::vector<int64_t>& values) {
  return builder_.weight(fresh("c"), tensor::literal({dtype, dims}, packed(dtype, values)));
}

Ref Form::quantized_constant(DType code, const Dims& dims, float range, int64_t zero_point,
                             float sigma, float shift) {
  const int64_t most = largest_of(code);
  const float scale = range / static_cast<float>(most);
  std::vector<int64_t> codes;
  for (const float value : gaussians(tensor::element_count(dims), sigma, shift)) {
    codes.push_back(std::clamp<int64_t>(rounded(value, scale, 2 * most) + zero_point,
                                        middle_of(code) - most - 1 + (middle_of(code) > 0 ? 1 : 0),
                                        middle_of(code) + most));
  }
  return op("DequantizeLinear", {integer_constant(code, dims, codes), constant({}, {scale}),
                                 integer_constant(code, {}, {zero_point})});
}

Ref Form::weight(const ProbeWeight& form) {
  const std::vector<float> values = gaussians(form.rows * form.cols, 0.1F, 0);
  const bool in_blocks = form.scheme == Scheme::kBlock || form.scheme == Scheme::kBlockExpansion;
  return in_blocks ? blocks(form, values) : channels(form, values);
}

// One scale, or one a channel.
Ref Form::channels(const ProbeWeight& form, const std::vector<float>& values) {
  const bool per_channel = form.scheme == Scheme::kChannel;
  const auto rows = static_cast<size_t>(form.rows);
  const auto cols = static_cast<size_t>(form.cols);
  const bool shifted = form.zero_points == ZeroPoints::kOther;
  const int64_t zero = shifted ? middle_of(form.code) + kOtherZeroPoint : 0;
  // An unsigned code with zero point 0 has no negative values: those are cut off at 0.
  const int64_t most = largest_of(form.code) - (shifted ? kOtherZeroPoint : 0);
  const int64_t least = middle_of(form.code) > 0 && !shifted ? 0 : -most;
  std::vector<float> scales;
  for (size_t c = 0; c < (per_channel ? cols : 1); ++c) {
    const float peak =
        per_channel ? largest(values, c, rows, cols) : largest(values, 0, rows * cols, 1);
    const bool negative = form.negative && c % 2 == 0;
    scales.push_back((negative ? -peak : peak) / static_cast<float>(most));
  }
  std::vector<int64_t> codes;
  for (size_t i = 0; i < values.size(); ++i) {
    const float scale = scales[per_channel ? i % cols : 0];
    codes.push_back(std::max(least, rounded(values[i], scale, most)) + zero);
  }
  const Dims scale_dims = per_channel ? Dims{form.cols} : Dims{};
  std::vector<Ref> inputs = {
      integer_constant(form.code, dims_of(form.rows, form.cols, form.transposed),
                       laid_out(codes, form.rows, form.cols, form.transposed)),
      constant(scale_dims, scales)};
  if (form.zero_points != ZeroPoints::kOmitted) {
    inputs.push_back(
        integer_constant(form.code, scale_dims, std::vector<int64_t>(scales.size(), zero)));
  }
  return op("DequantizeLinear", inputs, {{"axis", int64_t{form.transposed ? 0 : 1}}});
}

// A scale a block; LPBQ: 1 to 16 times a scale a channel.
Ref Form::blocks(const ProbeWeight& form, const std::vector<float>& values) {
  const int64_t groups = form.rows / form.block;
  const auto cols = static_cast<size_t>(form.cols);
  const auto block = static_cast<size_t>(form.block);
  const bool other = form.zero_points == ZeroPoints::kOther;
  const int64_t zero = other ? middle_of(form.code) + kOtherZeroPoint : middle_of(form.code);
  const int64_t most = largest_of(form.code) - (other ? kOtherZeroPoint : 0);
  std::vector<float> scales;
  for (size_t g = 0; g < static_cast<size_t>(groups); ++g) {
    for (size_t c = 0; c < cols; ++c) {
      scales.push_back(largest(values, g * block * cols + c, block, cols) /
                       static_cast<float>(most));
    }
  }
  Ref scale;
  const Dims scale_dims = dims_of(groups, form.cols, form.transposed);
  if (form.scheme == Scheme::kBlockExpansion) {
    std::vector<float> channel;
    std::vector<int64_t> steps;
    for (size_t c = 0; c < cols; ++c) {
      channel.push_back(largest(scales, c, static_cast<size_t>(groups), cols) / 16);
    }
    for (size_t i = 0; i < scales.size(); ++i) {
      steps.push_back(std::max<int64_t>(1, rounded(scales[i], channel[i % cols], 16)));
      scales[i] = static_cast<float>(steps.back()) * channel[i % cols];
    }
    scale = op("DequantizeLinear",
               {integer_constant(DType::kUint8, scale_dims,
                                 laid_out(steps, groups, form.cols, form.transposed)),
                constant({form.cols}, channel)},
               {{"axis", int64_t{form.transposed ? 0 : 1}}});
  } else {
    scale = constant(scale_dims, laid_out(scales, groups, form.cols, form.transposed));
  }
  std::vector<int64_t> codes;
  for (size_t i = 0; i < values.size(); ++i) {
    codes.push_back(rounded(values[i], scales[i / cols / block * cols + i % cols], most) + zero);
  }
  std::vector<Ref> inputs = {
      integer_constant(form.code, dims_of(form.rows, form.cols, form.transposed),
                       laid_out(codes, form.rows, form.cols, form.transposed)),
      scale};
  if (form.zero_points != ZeroPoints::kOmitted) {
    inputs.push_back(
        integer_constant(form.code, scale_dims, std::vector<int64_t>(scales.size(), zero)));
  }
  return op("DequantizeLinear", inputs,
            {{"axis", int64_t{form.transposed ? 1 : 0}}, {"block_size", form.block}});
}

Ref Form::op(const std::string& op, const std::vector<Ref>& inputs, Attributes attributes) {
  return builder_.op(op, inputs, "", std::move(attributes));
}

std::vector<Ref> Form::multi_op(const std::string& op, const std::vector<Ref>& inputs,
                                size_t outputs, Attributes attributes, const std::string& domain) {
  return builder_.multi_op(domain, op, inputs, outputs, "", std::move(attributes));
}

Ref Form::microsoft_op(const std::string& op, const std::vector<Ref>& inputs,
                       Attributes attributes) {
  return builder_.microsoft_op(op, inputs, "", std::move(attributes));
}

Ref Form::to_codes(const Ref& value, DType code, float range) {
  return op("QuantizeLinear", {value, constant({}, {range / static_cast<float>(largest_of(code))}),
                               integer_constant(code, {}, {middle_of(code)})});
}

Ref Form::requantized(const Ref& value, DType code, float range) {
  return op("DequantizeLinear", {to_codes(value, code, range),
                                 constant({}, {range / static_cast<float>(largest_of(code))}),
                                 integer_constant(code, {}, {middle_of(code)})});
}

void Form::output(const Ref& value, const std::string& name) {
  builder_.output(name, value, DType::kUndefined, {});
}

void Form::quantized_output(const Ref& value, float range, DType code) {
  output(to_codes(value, code, range));
  zero_point_ = static_cast<double>(middle_of(code));
}

FormGraph Form::finish() && {
  return {std::move(builder_).finish(), std::move(inputs_), zero_point_};
}

}  // namespace lapidary::probe
