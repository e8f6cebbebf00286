#include "weights/nbits.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/float_types.h"
#include "quant/symmetric_blocks.h"
#include "tensor/expressions.h"
#include "weights/blockwise.h"
#include "weights/code_packing.h"
#include "weights/row_reader.h"
#include "weights/stripes.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;
using tensor::TensorType;

float load(std::span<const std::byte> bytes, DType dtype, size_t i) {
  if (dtype == DType::kFloat) {
    float value = 0;
    std::memcpy(&value, bytes.data() + 4 * i, 4);
    return value;
  }
  uint16_t half = 0;
  std::memcpy(&half, bytes.data() + 2 * i, 2);
  return dtype == DType::kFloat16 ? float16_to_float(half) : bfloat16_to_float(half);
}

void store(float value, DType dtype, std::span<std::byte> bytes, size_t i) {
  if (dtype == DType::kFloat) {
    std::memcpy(bytes.data() + 4 * i, &value, 4);
    return;
  }
  const uint16_t half =
      dtype == DType::kFloat16 ? float_to_float16(value) : float_to_bfloat16(value);
  std::memcpy(bytes.data() + 2 * i, &half, 2);
}

std::vector<TensorType> output_types(const NBitsWeight& weight, const DequantizableForm& form) {
  const DType codes = weight.bits == 4 ? (form.is_signed ? DType::kInt4 : DType::kUint4)
                                       : (form.is_signed ? DType::kInt8 : DType::kUint8);
  const auto shape = [&](int64_t inputs) {
    return form.by_output ? tensor::Shape{weight.n, inputs} : tensor::Shape{inputs, weight.n};
  };
  const tensor::Shape scales =
      weight.per_channel() ? tensor::Shape{weight.n} : shape(weight.blocks());
  return {{codes, shape(weight.k)}, {weight.scales.dtype(), scales}, {codes, scales}};
}

class FromNBits final : public tensor::Producer {
 public:
  FromNBits(NBitsWeight weight, DequantizableForm form)
      : Producer(output_types(weight, form), 1),
        weight_(std::move(weight)),
        form_(form),
        floats_(quantized_operand(weight_.codes)) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    if (begin == end) return {};
    for (const std::span<std::byte> out : outs) std::fill(out.begin(), out.end(), std::byte{0});
    const bool from_floats = form_.recode && floats_.valid();
    std::vector<Tensor> operands = {floats_};
    if (!from_floats) {
      operands = {weight_.codes, weight_.scales};
      if (weight_.zero_points.valid()) operands.push_back(weight_.zero_points);
    }
    LAP_ASSIGN_OR_RETURN(RowReader reader, RowReader::create(std::move(operands), weight_.n));
    Stripe stripe;
    for (int64_t n = 0; n < weight_.n; n += kStripe) {
      const int64_t last = std::min(n + kStripe, weight_.n);
      LAP_ASSIGN_OR_RETURN(const auto rows, reader.read(n, last));
      stripe.reset(*this, last - n);
      if (from_floats) {
        stripe.values.resize(size((last - n) * weight_.k));
        std::memcpy(stripe.values.data(), rows[0].data(), rows[0].size());
      } else {
        take(rows, stripe);
      }
      if (form_.recode) LAP_RETURN_IF_ERROR(recode(stripe));
      write(stripe, n, outs);
    }
    return {};
  }

  std::string describe() const override {
    const std::string zeros =
        weight_.zero_points.valid() ? ", " + weight_.zero_points.describe() : "";
    return fmt::format("dequantizable<{}{}, block {}{}{}>({}, {}{})",
                       form_.is_signed ? "int" : "uint", weight_.bits, weight_.block_size,
                       form_.by_output ? ", by output" : "", form_.recode ? ", recoded" : "",
                       weight_.codes.describe(), weight_.scales.describe(), zeros);
  }

  const Tensor& floats() const { return floats_; }
  Result<bool> centered() const {
    if (form_.recode) return true;
    return is_symmetric(weight_);
  }

 private:
  // Some outputs of the weight, row by row.
  struct Stripe {
    int64_t rows = 0;
    std::vector<int16_t> codes;        // [rows, K], as stored or less the middle
    std::vector<int16_t> zero_points;  // [rows, blocks], alike
    std::vector<float> scales;         // [rows, blocks]
    std::vector<float> values;         // [rows, K], when recoding

    void reset(const FromNBits& of, int64_t count) {
      rows = count;
      codes.assign(size(count * of.weight_.k), 0);
      zero_points.assign(size(count * of.weight_.blocks()), 0);
      scales.assign(size(count * of.weight_.blocks()), 0);
    }
  };

  int middle() const { return 1 << (weight_.bits - 1); }

  // Element i of `row` among packed rows of uint8.
  int unpack(std::span<const std::byte> bytes, int64_t rows, int64_t row, int64_t i) const {
    const size_t per_row = bytes.size() / size(rows);
    const auto one = bytes.subspan(size(row) * per_row, per_row);
    return weight_.bits == 4 ? int{nibble(one, size(i))} : std::to_integer<int>(one[size(i)]);
  }

  void take(const std::vector<std::span<const std::byte>>& rows, Stripe& out) const {
    const int shift = form_.is_signed ? middle() : 0;
    const int64_t blocks = weight_.blocks();
    for (int64_t r = 0; r < out.rows; ++r) {
      for (int64_t b = 0; b < blocks; ++b) {
        const size_t at = size(r * blocks + b);
        const int zero = rows.size() > 2 ? unpack(rows[2], out.rows, r, b) : middle();
        out.zero_points[at] = static_cast<int16_t>(zero - shift);
        out.scales[at] = load(rows[1], weight_.scales.dtype(), at);
      }
      for (int64_t i = 0; i < weight_.k; ++i) {
        out.codes[size(r * weight_.k + i)] =
            static_cast<int16_t>(unpack(rows[0], out.rows, r, i) - shift);
      }
    }
    if (!form_.recode) return;
    out.values.resize(out.codes.size());
    for (int64_t r = 0; r < out.rows; ++r) {
      for (int64_t i = 0; i < weight_.k; ++i) {
        const size_t at = size(r * weight_.k + i);
        const size_t block = size(r * blocks + i / weight_.block_size);
        out.values[at] =
            static_cast<float>(out.codes[at] - out.zero_points[block]) * out.scales[block];
      }
    }
  }

  Status recode(Stripe& stripe) const {
    std::vector<int8_t> codes(size(std::min(weight_.block_size, weight_.k)));
    for (int64_t r = 0; r < stripe.rows; ++r) {
      for (int64_t b = 0; b < weight_.blocks(); ++b) {
        const int64_t first = b * weight_.block_size;
        const int64_t count = std::min(weight_.block_size, weight_.k - first);
        const auto values =
            std::span(stripe.values).subspan(size(r * weight_.k + first), size(count));
        const auto part = std::span(codes).first(size(count));
        auto scale = quant::symmetric_block(values, weight_.bits, part);
        if (!scale.ok()) {
          Error error = scale.take_error();
          error.where = describe() + (error.where.empty() ? "" : ", " + error.where);
          return error;
        }
        // A channel of zeros: the compiler wants scales of channels to be positive.
        const float used = *scale == 0 && weight_.per_channel() ? 1.0F : *scale;
        stripe.scales[size(r * weight_.blocks() + b)] = used;
        stripe.zero_points[size(r * weight_.blocks() + b)] = 0;
        std::copy(part.begin(), part.end(), stripe.codes.begin() + (r * weight_.k + first));
      }
    }
    return {};
  }

  // [rows, inputs] into rows `first` on of [N, inputs] or columns of [inputs, N].
  template <typename Put>
  void place(int64_t rows, int64_t inputs, int64_t first, const Put& put) const {
    if (form_.by_output) {
      for (int64_t i = 0; i < rows * inputs; ++i) put(size(first * inputs + i), size(i));
      return;
    }
    for (int64_t i = 0; i < inputs; ++i) {
      for (int64_t r = 0; r < rows; ++r) {
        put(size(i * weight_.n + first + r), size(r * inputs + i));
      }
    }
  }

  void write(const Stripe& stripe, int64_t first,
             std::span<const std::span<std::byte>> outs) const {
    const auto put_code = [&](std::span<std::byte> out, size_t at, int code) {
      if (weight_.bits == 4) {
        put_nibble(out, at, code);
      } else {
        out[at] = static_cast<std::byte>(code & 255);
      }
    };
    const int64_t blocks = weight_.blocks();
    if (!outs[0].empty()) {
      place(stripe.rows, weight_.k, first,
            [&](size_t to, size_t from) { put_code(outs[0], to, stripe.codes[from]); });
    }
    if (!outs[1].empty()) {
      place(stripe.rows, blocks, first, [&](size_t to, size_t from) {
        store(stripe.scales[from], weight_.scales.dtype(), outs[1], to);
      });
    }
    if (!outs[2].empty()) {
      place(stripe.rows, blocks, first,
            [&](size_t to, size_t from) { put_code(outs[2], to, stripe.zero_points[from]); });
    }
  }

  NBitsWeight weight_;
  DequantizableForm form_;
  Tensor floats_;
};

std::string wrong_size(const char* what, const Tensor& tensor, int64_t wanted) {
  return fmt::format("its {} have {} elements, not {}", what, tensor.type().elements(), wanted);
}

}  // namespace

std::string reason_against(const NBitsWeight& weight) {
  if (weight.bits != 4 && weight.bits != 8) {
    return fmt::format("it has {} bits, and 4 or 8 are supported", weight.bits);
  }
  if (weight.n <= 0 || weight.k <= 0 || weight.block_size <= 0) {
    return "its N, K or block_size is not positive";
  }
  const int64_t blocks = weight.blocks();
  if (weight.codes.dtype() != DType::kUint8 || weight.block_size * weight.bits % 8 != 0) {
    return "its codes are not packed in bytes";
  }
  const int64_t bytes = weight.n * blocks * (weight.block_size * weight.bits / 8);
  if (weight.codes.type().elements() != bytes) return wrong_size("codes", weight.codes, bytes);
  const DType scale = weight.scales.dtype();
  if (!is_float(scale) || scale == DType::kDouble) {
    return fmt::format("its scales are {}", name_of(scale));
  }
  if (weight.scales.type().elements() != weight.n * blocks) {
    return wrong_size("scales", weight.scales, weight.n * blocks);
  }
  if (!weight.zero_points.valid()) return "";
  if (weight.zero_points.dtype() != DType::kUint8) {
    return fmt::format(
        "its zero points are {}, and only integers can be zero points of DequantizeLinear",
        name_of(weight.zero_points.dtype()));
  }
  const int64_t zeros = weight.n * ((blocks * weight.bits + 7) / 8);
  if (weight.zero_points.type().elements() != zeros) {
    return wrong_size("zero points", weight.zero_points, zeros);
  }
  return "";
}

Result<bool> is_symmetric(const NBitsWeight& weight) {
  if (!weight.zero_points.valid()) return true;
  if (quantized_operand(weight.codes).valid()) return false;
  LAP_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, weight.zero_points.materialize());
  const size_t per_row = bytes.size() / size(weight.n);
  for (size_t n = 0; n < size(weight.n); ++n) {
    const auto row = std::span(bytes).subspan(n * per_row, per_row);
    for (size_t b = 0; b < size(weight.blocks()); ++b) {
      const int zero = weight.bits == 4 ? int{nibble(row, b)} : std::to_integer<int>(row[b]);
      if (zero != 1 << (weight.bits - 1)) return false;
    }
  }
  return true;
}

DequantizableWeight dequantizable(const NBitsWeight& weight, const DequantizableForm& form) {
  assert(reason_against(weight).empty() && (form.is_signed || !form.recode));
  const auto producer = std::make_shared<FromNBits>(weight, form);
  return {Tensor(producer, 0), Tensor(producer, 1), Tensor(producer, 2)};
}

Tensor original_rows(const Tensor& codes) {
  if (!codes.valid() || codes.output() != 0) return {};
  const auto* producer = dynamic_cast<const FromNBits*>(codes.producer().get());
  return producer == nullptr ? Tensor{} : producer->floats();
}

Result<bool> are_centered(const Tensor& codes, const Tensor& zero_points) {
  if (const auto* made = dynamic_cast<const FromNBits*>(codes.producer().get())) {
    return made->centered();
  }
  LAP_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, zero_points.materialize());
  const bool packed = bits_of(codes.dtype()) == 4;
  const int center = codes.dtype() == DType::kUint4 ? 8 : codes.dtype() == DType::kUint8 ? 128 : 0;
  for (size_t i = 0; i < size(zero_points.type().elements()); ++i) {
    if ((packed ? int{nibble(bytes, i)} : std::to_integer<int>(bytes[i])) != center) return false;
  }
  return true;
}

}  // namespace lapidary::weights
