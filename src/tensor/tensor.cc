#include "tensor/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/float_types.h"
#include "tensor/grid.h"

namespace lapidary::tensor {

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t dim : shape) count *= dim;
  return count;
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

Producer::Producer(TensorType output) : outputs_{std::move(output)}, tiles_(outputs_[0].rows()) {}

std::optional<Grid> Producer::grid() const { return std::nullopt; }

Status Producer::read_box(const Box& box, std::span<std::byte> out) const {
  if (out.empty()) return {};
  const TensorType& type = outputs_[0];
  const int64_t row_bytes = bytes_of(type.dtype, type.cols());
  const int64_t skip = bytes_of(type.dtype, box.col_begin);
  const int64_t keep = bytes_of(type.dtype, box.cols());
  constexpr int64_t kGroupBytes = 256 << 10;
  const int64_t group = std::max<int64_t>(1, kGroupBytes / std::max<int64_t>(1, row_bytes));
  std::vector<std::byte> rows(static_cast<size_t>(group * row_bytes));
  std::byte* to = out.data();
  for (int64_t r = box.row_begin; r < box.row_end; r += group) {
    const int64_t end = std::min(r + group, box.row_end);
    const std::span<std::byte> part =
        std::span(rows).first(static_cast<size_t>((end - r) * row_bytes));
    LAP_RETURN_IF_ERROR(read_tiles(r, end, std::span(&part, 1)));
    for (int64_t i = 0; i < end - r; ++i, to += keep) {
      std::memcpy(to, part.data() + i * row_bytes + skip, static_cast<size_t>(keep));
    }
  }
  return {};
}

std::string Tensor::describe() const {
  if (!valid()) return "(none)";
  std::string text = producer_->describe();
  if (producer_->outputs().size() > 1) text += fmt::format("#{}", output_);
  return text;
}

Result<std::vector<std::byte>> Tensor::materialize() const {
  std::vector<std::byte> out(static_cast<size_t>(bytes()));
  std::vector<std::span<std::byte>> outs(producer_->outputs().size());
  outs[output_] = out;
  LAP_RETURN_IF_ERROR(producer_->read_tiles(0, producer_->tiles(), outs));
  return out;
}

Result<std::vector<float>> Tensor::to_floats() const {
  if (!is_float(dtype())) {
    return internal_error(describe(), fmt::format("is {}, not a float tensor", name_of(dtype())));
  }
  LAP_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, materialize());
  std::vector<float> out(static_cast<size_t>(type().elements()));
  if (dtype() == DType::kFloat) {
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
  if (dtype() == DType::kDouble) {
    for (size_t i = 0; i < out.size(); ++i) {
      double value = 0;
      std::memcpy(&value, bytes.data() + i * sizeof(double), sizeof(double));
      out[i] = static_cast<float>(value);
    }
    return out;
  }
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * sizeof(bits), sizeof(bits));
    out[i] = dtype() == DType::kFloat16 ? float16_to_float(bits) : bfloat16_to_float(bits);
  }
  return out;
}

Result<std::vector<int64_t>> Tensor::to_integers() const {
  LAP_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, materialize());
  std::vector<int64_t> out(static_cast<size_t>(type().elements()));
  const auto convert = [&]<typename T>(T) {
    for (size_t i = 0; i < out.size(); ++i) {
      T value{};
      std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
      out[i] = static_cast<int64_t>(value);
    }
  };
  switch (dtype()) {
    case DType::kInt64:
      convert(int64_t{});
      break;
    case DType::kInt32:
      convert(int32_t{});
      break;
    case DType::kInt16:
      convert(int16_t{});
      break;
    case DType::kInt8:
      convert(int8_t{});
      break;
    case DType::kUint8:
    case DType::kBool:
      convert(uint8_t{});
      break;
    case DType::kUint16:
      convert(uint16_t{});
      break;
    case DType::kUint32:
      convert(uint32_t{});
      break;
    default:
      return internal_error(describe(),
                            fmt::format("is {}, not an integer tensor", name_of(dtype())));
  }
  return out;
}

}  // namespace lapidary::tensor
