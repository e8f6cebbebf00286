#include "tensor/grid.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace lapidary::tensor {
namespace {

bool is_part(const Tensor& part, DType dtype, const Shape& shape) {
  return part.valid() && part.dtype() == dtype && part.shape() == shape &&
         (shape[0] == 0 || part.producer()->tiles() % shape[0] == 0);
}

[[maybe_unused]] bool is_well_formed(const Grid& grid) {
  if (!grid.codes.valid() || grid.codes.shape().size() != 2) return false;
  const Shape blocks = {grid.rows(), grid.blocks()};
  return grid.bits >= 2 && grid.bits <= 8 && grid.block_size > 0 &&
         is_part(grid.codes, DType::kUint8, grid.codes.shape()) &&
         is_part(grid.scales, DType::kFloat, blocks) &&
         (!grid.zero_points.valid() || is_part(grid.zero_points, DType::kUint8, blocks)) &&
         (!grid.minimums.valid() || is_part(grid.minimums, DType::kFloat, blocks)) &&
         !(grid.zero_points.valid() && grid.minimums.valid());
}

std::string described(const Grid& grid) {
  std::string out = fmt::format("on_grid<int{}, block {}>({}, {}", grid.bits, grid.block_size,
                                grid.codes.describe(), grid.scales.describe());
  if (grid.zero_points.valid()) out += ", " + grid.zero_points.describe();
  if (grid.minimums.valid()) out += ", minimums " + grid.minimums.describe();
  return out + ")";
}

class OnGrid final : public Producer {
 public:
  explicit OnGrid(const Grid& grid)
      : Producer(TensorType{DType::kFloat, grid.codes.shape()}), grid_(grid) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    // Small groups of rows stay in the core's own cache.
    constexpr int64_t kScratchCodes = 256 << 10;
    const int64_t k = std::max<int64_t>(1, grid_.inputs());
    const int64_t group = std::max<int64_t>(1, kScratchCodes / k);
    std::byte* to = outs[0].data();
    for (int64_t r = begin; r < end; r += group) {
      const int64_t last = std::min(r + group, end);
      LAP_RETURN_IF_ERROR(read_rows(r, last, to));
      to += (last - r) * grid_.inputs() * 4;
    }
    return {};
  }

  std::string describe() const override { return described(grid_); }
  std::optional<Grid> grid() const override { return grid_; }

 private:
  // The four parts of some rows; of those that are not there, nothing.
  struct Rows {
    std::vector<std::byte> codes, scales, zero_points, minimums;
  };

  Status read_parts(int64_t begin, int64_t end, Rows& rows) const {
    std::map<const Producer*, std::vector<std::span<std::byte>>> wanted;
    const auto want = [&](const Tensor& part, std::vector<std::byte>& buffer) {
      if (!part.valid()) return;
      buffer.resize(static_cast<size_t>(part.bytes() / grid_.rows() * (end - begin)));
      auto& outs = wanted[part.producer().get()];
      outs.resize(part.producer()->outputs().size());
      outs[part.output()] = buffer;
    };
    want(grid_.codes, rows.codes);
    want(grid_.scales, rows.scales);
    want(grid_.zero_points, rows.zero_points);
    want(grid_.minimums, rows.minimums);
    for (const auto& [producer, outs] : wanted) {
      const int64_t tiles = producer->tiles() / grid_.rows();
      LAP_RETURN_IF_ERROR(producer->read_tiles(begin * tiles, end * tiles, outs));
    }
    return {};
  }

  Status read_rows(int64_t begin, int64_t end, std::byte* to) const {
    Rows rows;
    LAP_RETURN_IF_ERROR(read_parts(begin, end, rows));
    const int64_t blocks = grid_.blocks();
    std::vector<float> values(static_cast<size_t>(grid_.block_size));
    const std::byte* code = rows.codes.data();
    for (int64_t i = 0; i < (end - begin) * blocks; ++i) {
      const int64_t first = i % blocks * grid_.block_size;
      const int64_t count = std::min(grid_.block_size, grid_.inputs() - first);
      float scale = 0;
      std::memcpy(&scale, rows.scales.data() + 4 * i, 4);
      if (grid_.minimums.valid()) {
        float minimum = 0;
        std::memcpy(&minimum, rows.minimums.data() + 4 * i, 4);
        for (int64_t j = 0; j < count; ++j) {
          values[static_cast<size_t>(j)] =
              static_cast<float>(std::to_integer<int>(code[j])) * scale + minimum;
        }
      } else {
        const int zero = grid_.zero_points.valid()
                             ? std::to_integer<int>(rows.zero_points[static_cast<size_t>(i)])
                             : 1 << (grid_.bits - 1);
        for (int64_t j = 0; j < count; ++j) {
          values[static_cast<size_t>(j)] =
              static_cast<float>(std::to_integer<int>(code[j]) - zero) * scale;
        }
      }
      std::memcpy(to, values.data(), static_cast<size_t>(count) * 4);
      to += count * 4;
      code += count;
    }
    return {};
  }

  Grid grid_;
};

class WithGrid final : public Producer {
 public:
  WithGrid(Tensor values, const Grid& grid)
      : Producer(values.type()), values_(std::move(values)), grid_(grid) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    return values_.producer()->read_tiles(begin, end, outs);
  }
  Status read_box(const Box& box, std::span<std::byte> out) const override {
    return values_.producer()->read_box(box, out);
  }
  std::string describe() const override {
    return fmt::format("with_grid({}, {})", values_.describe(), described(grid_));
  }
  std::optional<Grid> grid() const override { return grid_; }

 private:
  Tensor values_;
  Grid grid_;
};

}  // namespace

Tensor on_grid(const Grid& grid) {
  assert(is_well_formed(grid));
  return Tensor(std::make_shared<OnGrid>(grid));
}

Tensor with_grid(const Tensor& values, const Grid& grid) {
  assert(is_well_formed(grid) && values.shape() == grid.codes.shape() &&
         values.producer()->outputs().size() == 1);
  return Tensor(std::make_shared<WithGrid>(values, grid));
}

std::optional<Grid> grid_of(const Tensor& x) {
  if (!x.valid() || x.output() != 0) return std::nullopt;
  return x.producer()->grid();
}

}  // namespace lapidary::tensor
