#include "weights/lpbq.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>

#include "quant/lpbq.h"
#include "weights/code_packing.h"
#include "weights/nbits.h"
#include "weights/row_reader.h"
#include "weights/stripes.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;
using tensor::TensorType;

std::vector<TensorType> output_types(const BlockSource& source) {
  const int64_t n = source.layout.n;
  const int64_t inputs = source.layout.inputs();
  return {{DType::kInt4, {inputs, n}},
          {DType::kUint8, {inputs / source.block_size, n}},
          {DType::kFloat, {n}}};
}

class Requantized final : public tensor::Producer {
 public:
  explicit Requantized(BlockSource source)
      : Producer(output_types(source), 1),
        source_(std::move(source)),
        floats_(source_.layout.positions == 1 ? original_rows(source_.codes) : Tensor{}) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    if (begin == end) return {};
    std::fill(outs[0].begin(), outs[0].end(), std::byte{0});
    LAP_ASSIGN_OR_RETURN(const std::vector<float> scales, source_.scales.to_floats());
    std::vector<std::byte> codes;
    std::optional<RowReader> reader;
    if (floats_.valid()) {
      LAP_ASSIGN_OR_RETURN(reader, RowReader::create({floats_}, source_.layout.n));
    } else {
      LAP_ASSIGN_OR_RETURN(codes, source_.codes.materialize());
    }
    const int64_t inputs = source_.layout.inputs();
    std::vector<float> values;
    std::vector<float> block_scales;
    for (int64_t first = 0; first < source_.layout.n; first += kStripe) {
      const int64_t rows = std::min(kStripe, source_.layout.n - first);
      values.resize(size(rows * inputs));
      block_scales.resize(size(rows * inputs / source_.block_size));
      take_scales(scales, first, rows, block_scales);
      if (reader) {
        LAP_ASSIGN_OR_RETURN(const auto read, reader->read(first, first + rows));
        std::memcpy(values.data(), read[0].data(), read[0].size());
        for (float& value : values) value *= source_.factor;
      } else {
        take_values(codes, block_scales, first, rows, values);
      }
      LAP_RETURN_IF_ERROR(requantize(values, block_scales, first, rows, outs));
    }
    return {};
  }

  std::string describe() const override {
    const std::string factor =
        source_.factor == 1 ? "" : fmt::format(", times {:f}", source_.factor);
    return fmt::format("lpbq<block {}{}{}>({}, {})", source_.block_size,
                       source_.layout.by_output ? ", by output" : "", factor,
                       source_.codes.describe(), source_.scales.describe());
  }

 private:
  // Element (n, p, c) of the codes, or of the scales with blocks in place of channels.
  size_t at(int64_t channels, int64_t n, int64_t p, int64_t c) const {
    const WeightLayout& layout = source_.layout;
    return layout.by_output ? size((n * channels + c) * layout.positions + p)
                            : size(c * layout.n + n);
  }

  void take_scales(std::span<const float> scales, int64_t first, int64_t rows,
                   std::span<float> out) const {
    const int64_t blocks = source_.layout.channels / source_.block_size;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t p = 0; p < source_.layout.positions; ++p) {
        for (int64_t b = 0; b < blocks; ++b) {
          out[size((r * source_.layout.positions + p) * blocks + b)] =
              scales[at(blocks, first + r, p, b)] * source_.factor;
        }
      }
    }
  }

  void take_values(std::span<const std::byte> codes, std::span<const float> scales, int64_t first,
                   int64_t rows, std::span<float> out) const {
    const WeightLayout& layout = source_.layout;
    const bool is_signed = source_.codes.dtype() == DType::kInt4;
    for (int64_t c = 0; c < layout.channels; ++c) {
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t p = 0; p < layout.positions; ++p) {
          const size_t from = at(layout.channels, first + r, p, c);
          const int code = is_signed ? signed_nibble(codes, from) : nibble(codes, from) - 8;
          const int64_t row = (r * layout.positions + p) * layout.channels + c;
          out[size(row)] = static_cast<float>(code) * scales[size(row / source_.block_size)];
        }
      }
    }
  }

  Status requantize(std::span<const float> values, std::span<const float> scales, int64_t first,
                    int64_t rows, std::span<const std::span<std::byte>> outs) const {
    const int64_t inputs = source_.layout.inputs();
    const int64_t blocks = inputs / source_.block_size;
    const int64_t n = source_.layout.n;
    std::vector<int8_t> codes(values.size());
    std::vector<uint8_t> integers(scales.size());
    for (int64_t r = 0; r < rows; ++r) {
      auto channel =
          quant::lpbq_channel(values.subspan(size(r * inputs), size(inputs)),
                              scales.subspan(size(r * blocks), size(blocks)), source_.block_size,
                              {std::span(codes).subspan(size(r * inputs), size(inputs)),
                               std::span(integers).subspan(size(r * blocks), size(blocks))});
      if (!channel.ok()) {
        Error error = channel.take_error();
        error.where = describe() + (error.where.empty() ? "" : ", " + error.where);
        return error;
      }
      if (!outs[2].empty()) {
        const float scale = *channel;
        std::memcpy(outs[2].data() + 4 * (first + r), &scale, 4);
      }
    }
    for (int64_t i = 0; i < inputs && !outs[0].empty(); ++i) {
      for (int64_t r = 0; r < rows; ++r) {
        put_nibble(outs[0], size(i * n + first + r), codes[size(r * inputs + i)]);
      }
    }
    for (int64_t b = 0; b < blocks && !outs[1].empty(); ++b) {
      for (int64_t r = 0; r < rows; ++r) {
        outs[1][size(b * n + first + r)] = static_cast<std::byte>(integers[size(r * blocks + b)]);
      }
    }
    return {};
  }

  BlockSource source_;
  Tensor floats_;
};

}  // namespace

LpbqWeight lpbq_weight(const BlockSource& source) {
  assert(source.block_size > 0 && source.layout.channels % source.block_size == 0);
  const auto producer = std::make_shared<Requantized>(source);
  return {Tensor(producer, 0), Tensor(producer, 1), Tensor(producer, 2)};
}

}  // namespace lapidary::weights
