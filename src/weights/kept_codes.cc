#include "weights/kept_codes.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "tensor/expressions.h"
#include "weights/block_types.h"
#include "weights/code_packing.h"
#include "weights/row_reader.h"
#include "weights/stripes.h"

namespace lapidary::weights {
namespace {

using tensor::Grid;
using tensor::Tensor;

std::vector<tensor::TensorType> kept_types(const Grid& grid, const quant::BlockFormat& format) {
  auto types = block_types(grid.rows(), grid.inputs(), format, grid.zero_points.valid());
  if (grid.minimums.valid()) types.push_back(types[1]);  // one a scale
  return types;
}

float float_at(std::span<const std::byte> bytes, size_t i) {
  float value = 0;
  std::memcpy(&value, bytes.data() + 4 * i, 4);
  return value;
}

void put_float(std::span<std::byte> bytes, size_t i, float value) {
  std::memcpy(bytes.data() + 4 * i, &value, 4);
}

// One tile is one row of the weight.
class KeepRows final : public tensor::Producer {
 public:
  KeepRows(const Tensor& rows, Grid grid, const quant::BlockFormat& format)
      : Producer(kept_types(grid, format), grid.rows()),
        rows_(tensor::cast(rows, DType::kFloat)),
        grid_(std::move(grid)),
        format_(format) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    std::vector<Tensor> parts = {grid_.codes, grid_.scales};
    if (offsets().valid()) parts.push_back(offsets());
    LAP_ASSIGN_OR_RETURN(RowReader reader, RowReader::create(std::move(parts), grid_.rows()));
    const int64_t group = std::max<int64_t>(1, kScratchFloats / grid_.inputs());
    for (int64_t r = begin; r < end; r += group) {
      const int64_t last = std::min(r + group, end);
      LAP_ASSIGN_OR_RETURN(const auto read, reader.read(r, last));
      for (int64_t i = 0; i < last - r; ++i) {
        std::vector<std::span<const std::byte>> in;
        in.reserve(read.size());
        for (const auto& part : read) in.push_back(row_of(part, last - r, i));
        std::vector<std::span<std::byte>> out;
        out.reserve(outs.size());
        for (size_t o = 0; o < outs.size(); ++o) {
          const auto bytes = size(outputs()[o].bytes() / tiles());
          out.push_back(outs[o].empty() ? outs[o]
                                        : outs[o].subspan(size(r - begin + i) * bytes, bytes));
        }
        LAP_RETURN_IF_ERROR(check_finite(in, r + i));
        keep_row(in, out);
      }
    }
    return {};
  }

  std::string describe() const override {
    return fmt::format("kept_codes<int{}, block {}{}>({})", format_.bits, format_.block_size,
                       format_.layout == quant::Layout::kMatMulNBits ? "" : ", gathered",
                       tensor::on_grid(grid_).describe());
  }

  const Tensor& rows() const { return rows_; }

 private:
  static std::span<const std::byte> row_of(std::span<const std::byte> part, int64_t rows,
                                           int64_t row) {
    const size_t bytes = part.size() / size(rows);
    return part.subspan(size(row) * bytes, bytes);
  }

  const Tensor& offsets() const {
    return grid_.zero_points.valid() ? grid_.zero_points : grid_.minimums;
  }
  int64_t blocks() const { return (grid_.inputs() + format_.block_size - 1) / format_.block_size; }
  // The block of the grid that block b of the format is a part of.
  size_t source(int64_t b) const { return size(b * format_.block_size / grid_.block_size); }

  // Nothing is computed here that would notice.
  Status check_finite(const std::vector<std::span<const std::byte>>& in, int64_t row) const {
    for (size_t b = 0; b < size(grid_.blocks()); ++b) {
      if (std::isfinite(float_at(in[1], b)) &&
          (!grid_.minimums.valid() || std::isfinite(float_at(in[2], b)))) {
        continue;
      }
      return bad_input(fmt::format("{}, row {}, block {}", rows_.describe(), row, b),
                       "its scale or minimum is not finite", "the checkpoint is damaged");
    }
    return {};
  }

  void keep_row(const std::vector<std::span<const std::byte>>& in,
                const std::vector<std::span<std::byte>>& out) const {
    const bool with_minimums = grid_.minimums.valid();
    if (!out[0].empty()) write_codes(in, out[0]);
    if (!out[1].empty()) {
      for (int64_t b = 0; b < blocks(); ++b) {
        const float minimum = with_minimums ? float_at(in[2], source(b)) : 0;
        put_float(out[1], size(b), step_of(float_at(in[1], source(b)), minimum));
      }
    }
    if (out.size() < 3 || out[2].empty()) return;
    if (with_minimums) {
      for (int64_t b = 0; b < blocks(); ++b) {
        const float scale = float_at(in[1], source(b));
        const float minimum = float_at(in[2], source(b));
        put_float(out[2], size(b), scale == 0 ? (minimum == 0 ? 0 : -1) : -minimum / scale);
      }
      return;
    }
    write_zero_points(in[2], out[2]);
  }

  // A block of one value, its minimum, has no step: the minimum is the step then, the codes are 0
  // and the zero point -1.
  static float step_of(float scale, float minimum) { return scale == 0 ? minimum : scale; }

  void write_codes(const std::vector<std::span<const std::byte>>& in,
                   std::span<std::byte> out) const {
    std::fill(out.begin(), out.end(), std::byte{0});
    for (int64_t b = 0; b < blocks(); ++b) {
      const bool constant = grid_.minimums.valid() && float_at(in[1], source(b)) == 0;
      const int64_t first = b * format_.block_size;
      const int64_t last = std::min(first + format_.block_size, grid_.inputs());
      if (constant) continue;
      for (int64_t i = first; i < last; ++i) {
        if (format_.bits == 4) {
          put_nibble(out, size(i), std::to_integer<int>(in[0][size(i)]));
        } else {
          out[size(i)] = in[0][size(i)];
        }
      }
    }
  }

  void write_zero_points(std::span<const std::byte> zeros, std::span<std::byte> out) const {
    if (format_.bits == 8) {
      for (int64_t b = 0; b < blocks(); ++b) out[size(b)] = zeros[source(b)];
      return;
    }
    std::fill(out.begin(), out.end(), std::byte{0});
    for (int64_t b = 0; b < blocks(); ++b) {
      put_nibble(out, size(b), std::to_integer<int>(zeros[source(b)]));
    }
    // What quant/format.h says of the nibble that is left.
    if (blocks() % 2 == 1 && format_.layout == quant::Layout::kMatMulNBits) {
      put_nibble(out, size(blocks()), format_.mid_code());
    }
  }

  Tensor rows_;
  Grid grid_;
  quant::BlockFormat format_;
};

}  // namespace

std::string reason_against_keeping(const Grid& grid, const WeightFormat& wanted) {
  const quant::BlockFormat& format = wanted.block;
  if (grid.bits != format.bits) {
    return fmt::format("codes of {} bits are no codes of {}", grid.bits, format.bits);
  }
  const bool one_step = grid.blocks() == 1;
  if (!one_step && grid.block_size % format.block_size != 0) {
    return fmt::format("blocks of {} do not hold steps for every {}", format.block_size,
                       grid.block_size);
  }
  if (grid.minimums.valid() && format.layout == quant::Layout::kGatherBlockQuantized) {
    return "tables have no minimums";
  }
  if (!grid.symmetric() && format.symmetric) return "symmetric codes have no zero points";
  return "";
}

WeightFormat kept_format(const Grid& grid, WeightFormat wanted) {
  wanted.method = QuantMethod::kKept;
  wanted.block.symmetric = grid.symmetric();
  return wanted;
}

BlockwiseWeight keep_codes(const Tensor& rows, const Grid& grid, const WeightFormat& format) {
  assert(rows.shape() == grid.codes.shape() && format.method == QuantMethod::kKept);
  const auto producer = std::make_shared<KeepRows>(rows, grid, format.block);
  BlockwiseWeight out{Tensor(producer, 0), Tensor(producer, 1), {}};
  if (!grid.symmetric()) out.zero_points = Tensor(producer, 2);
  return out;
}

Tensor kept_operand(const Tensor& codes) {
  const auto* kept = dynamic_cast<const KeepRows*>(codes.producer().get());
  return kept == nullptr ? Tensor{} : kept->rows();
}

}  // namespace lapidary::weights
