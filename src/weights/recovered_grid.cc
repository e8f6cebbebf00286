#include "weights/recovered_grid.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>
#include <vector>

#include "base/float_types.h"
#include "quant/grid_recovery.h"
#include "quant/symmetric_blocks.h"
#include "weights/stripes.h"

namespace lapidary::weights {
namespace {

using quant::kGridBlock;
using tensor::Tensor;

int64_t grid_blocks(int64_t k) { return (k + kGridBlock - 1) / kGridBlock; }

// Codes [N, K] and steps [N, blocks], one tile a row.
class RecoverRows final : public tensor::Producer {
 public:
  RecoverRows(Tensor values, std::string name, bool required, std::shared_ptr<RecoveredShare> share)
      : Producer({{DType::kUint8, values.shape()},
                  {DType::kFloat, {values.shape()[0], grid_blocks(values.shape()[1])}}},
                 values.shape()[0]),
        values_(std::move(values)),
        name_(std::move(name)),
        required_(required),
        share_(std::move(share)) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    const int64_t k = values_.shape()[1];
    const int64_t group = std::max<int64_t>(1, kScratchFloats / std::max<int64_t>(1, k));
    std::vector<uint16_t> rows(size(std::min(group, end - begin) * k));
    for (int64_t r = begin; r < end; r += group) {
      const int64_t count = std::min(group, end - r);
      const std::span<uint16_t> part = std::span(rows).first(size(count * k));
      const std::span<std::byte> bytes = std::as_writable_bytes(part);
      LAP_RETURN_IF_ERROR(values_.producer()->read_tiles(r, r + count, std::span(&bytes, 1)));
      for (int64_t i = 0; i < count; ++i) {
        const auto row = part.subspan(size(i * k), size(k));
        LAP_RETURN_IF_ERROR(recover_row(row, r + i, r + i - begin, outs));
      }
    }
    return {};
  }

  std::string describe() const override {
    return fmt::format("recovered_grid<{}>({})", required_ ? "required" : "", values_.describe());
  }

 private:
  // Row `at` of the outputs.
  Status recover_row(std::span<const uint16_t> row, int64_t n, int64_t at,
                     std::span<const std::span<std::byte>> outs) const {
    const int64_t k = values_.shape()[1];
    const int64_t blocks = grid_blocks(k);
    std::array<uint8_t, size_t{kGridBlock}> codes{};
    int64_t recovered = 0;
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t first = b * kGridBlock;
      const int64_t count = std::min(kGridBlock, k - first);
      const auto weights = row.subspan(size(first), size(count));
      const auto part = std::span(codes).first(size(count));
      std::optional<float> step = quant::recover_block(weights, part);
      if (step) {
        ++recovered;
      } else {
        LAP_ASSIGN_OR_RETURN(step, rounded(weights, part, n, b));
      }
      if (!outs[0].empty()) {
        std::copy(part.begin(), part.end(),
                  static_cast<uint8_t*>(static_cast<void*>(outs[0].data())) + at * k + first);
      }
      if (!outs[1].empty()) {
        static_cast<float*>(static_cast<void*>(outs[1].data()))[at * blocks + b] = *step;
      }
    }
    share_->blocks += blocks;
    share_->recovered += recovered;
    return {};
  }

  Result<float> rounded(std::span<const uint16_t> weights, std::span<uint8_t> codes, int64_t n,
                        int64_t block) const {
    const std::string where = fmt::format("tensor '{}', row {}, block {}", name_, n, block);
    if (required_) {
      return bad_input(where, "its weights lie on no grid of 4-bit blocks of 32",
                       "leave out --require-grid to have such blocks rounded");
    }
    std::array<float, size_t{kGridBlock}> floats{};
    std::array<int8_t, size_t{kGridBlock}> levels{};
    for (size_t i = 0; i < weights.size(); ++i) floats[i] = bfloat16_to_float(weights[i]);
    auto step = quant::symmetric_block(std::span(floats).first(weights.size()), 4,
                                       std::span(levels).first(weights.size()));
    if (!step.ok()) {
      Error error = step.take_error();
      error.where = where;
      return error;
    }
    for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(levels[i] + 8);
    return *step;
  }

  Tensor values_;
  std::string name_;
  bool required_;
  std::shared_ptr<RecoveredShare> share_;
};

}  // namespace

bool looks_gridded(std::span<const uint16_t> rows, int64_t k) {
  std::array<uint8_t, size_t{kGridBlock}> codes{};
  int64_t tried = 0;
  int64_t found = 0;
  for (size_t row = 0; row + size(k) <= rows.size(); row += size(k)) {
    for (int64_t first = 0; first < k; first += kGridBlock) {
      const auto count = size(std::min(kGridBlock, k - first));
      const std::optional<float> step = quant::recover_block(rows.subspan(row + size(first), count),
                                                             std::span(codes).first(count));
      if (step && *step == 0) continue;
      ++tried;
      found += step ? 1 : 0;
    }
  }
  return found > 0 && 2 * found >= tried;
}

Tensor recovered_grid(const Tensor& values, const std::string& name, bool required,
                      std::shared_ptr<RecoveredShare> share) {
  assert(values.dtype() == DType::kBfloat16 && values.shape().size() == 2);
  const auto producer = std::make_shared<RecoverRows>(values, name, required, std::move(share));
  return tensor::with_grid(values, {.bits = 4,
                                    .block_size = kGridBlock,
                                    .codes = Tensor(producer, 0),
                                    .scales = Tensor(producer, 1)});
}

}  // namespace lapidary::weights
