#include "tensor/low_rank.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "tensor/expressions.h"

namespace lapidary::tensor {
namespace {

// Rows of the sum that are made at a time stay in the second-level cache.
constexpr int64_t kLowRankGroupBytes = 256 << 10;

// Four columns: what every processor has registers for. Lanes are independent, and products are not
// contracted with sums (-ffp-contract=off), so the bits are those of a plain loop.
using Columns = float __attribute__((vector_size(16)));
constexpr int kVectors = 8;
constexpr int64_t kBlockColumns = kVectors * 4;

// Rows of the sum and where A and B of one update stand for them.
struct LowRankPart {
  const float* a;  // [rank, stride], at the first column
  const float* b;  // [rows, rank]
  float* out;      // [rows, cols]
  int64_t rank, stride, rows, cols;
  float scale;
};

// out[0 .. 31] of one row: all 32 sums stay in registers while r runs.
// `a` is [rank, 32] without gaps.
void add_block(const LowRankPart& part, const float* a, const float* b, float* out) {
  Columns s0 = {}, s1 = {}, s2 = {}, s3 = {}, s4 = {}, s5 = {}, s6 = {}, s7 = {};
  const auto load = [](const float* from) {
    Columns value;
    std::memcpy(&value, from, sizeof(value));
    return value;
  };
  for (int64_t j = 0; j < part.rank; ++j, a += kBlockColumns) {
    const Columns factor = Columns{} + b[j];
    s0 += load(a) * factor;
    s1 += load(a + 4) * factor;
    s2 += load(a + 8) * factor;
    s3 += load(a + 12) * factor;
    s4 += load(a + 16) * factor;
    s5 += load(a + 20) * factor;
    s6 += load(a + 24) * factor;
    s7 += load(a + 28) * factor;
  }
  const Columns sums[kVectors] = {s0, s1, s2, s3, s4, s5, s6, s7};
  for (int i = 0; i < kVectors; ++i) {
    const Columns value = load(out + 4 * i) + sums[i] * part.scale;
    std::memcpy(out + 4 * i, &value, sizeof(value));
  }
}

void add_rows(const LowRankPart& part) {
  int64_t k = 0;
  // A block of A is packed, so that it stays in the first-level cache while all rows pass over it:
  // rows of A lie a power of two apart in many models, and would push each other out.
  std::vector<float> panel(static_cast<size_t>(part.rank * kBlockColumns));
  for (; k + kBlockColumns <= part.cols; k += kBlockColumns) {
    for (int64_t j = 0; j < part.rank; ++j) {
      std::copy_n(part.a + j * part.stride + k, kBlockColumns, panel.data() + j * kBlockColumns);
    }
    for (int64_t n = 0; n < part.rows; ++n) {
      add_block(part, panel.data(), part.b + n * part.rank, part.out + n * part.cols + k);
    }
  }
  for (; k < part.cols; ++k) {
    for (int64_t n = 0; n < part.rows; ++n) {
      float sum = 0;
      for (int64_t j = 0; j < part.rank; ++j) {
        sum += part.a[j * part.stride + k] * part.b[n * part.rank + j];
      }
      part.out[n * part.cols + k] += sum * part.scale;
    }
  }
}

class AddLowRank final : public Producer {
 public:
  AddLowRank(const Tensor& w, std::vector<LowRankUpdate> updates)
      : Producer(TensorType{DType::kFloat, w.shape()}),
        weight_(w),
        floats_(cast(w, DType::kFloat)) {
    for (LowRankUpdate& update : updates) {
      assert(update.a.shape().size() == 2 && update.b.shape().size() == 2);
      assert(update.a.shape()[1] == w.shape()[1] && update.b.shape()[0] == w.shape()[0]);
      assert(update.a.shape()[0] == update.b.shape()[1]);
      parts_.push_back({std::move(update), {}});
      parts_.back().b = cast(parts_.back().update.b, DType::kFloat);
    }
  }

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    return read_box({begin, end, 0, outputs()[0].cols()}, outs[0]);
  }

  Status read_box(const Box& box, std::span<std::byte> out) const override {
    std::call_once(read_a_, [this] { a_status_ = read_a(); });
    if (!a_status_.ok()) return a_status_;
    const int64_t row_bytes = box.cols() * int64_t{sizeof(float)};
    const int64_t group =
        std::max<int64_t>(16, kLowRankGroupBytes / std::max<int64_t>(1, row_bytes));
    std::vector<float> values, b;
    std::byte* target = out.data();
    for (int64_t r = box.row_begin; r < box.row_end; r += group) {
      const int64_t end = std::min(r + group, box.row_end);
      values.resize(static_cast<size_t>((end - r) * box.cols()));
      const auto bytes = std::as_writable_bytes(std::span(values));
      LAP_RETURN_IF_ERROR(
          floats_.producer()->read_box({r, end, box.col_begin, box.col_end}, bytes));
      for (const Part& part : parts_) {
        LAP_RETURN_IF_ERROR(add(part, {r, end, box.col_begin, box.col_end}, b, values));
      }
      if (!bytes.empty()) std::memcpy(target, bytes.data(), bytes.size());
      target += bytes.size();
    }
    return {};
  }

  std::string describe() const override {
    std::string out = fmt::format("add_low_rank({}", weight_.describe());
    for (const Part& part : parts_) {
      out += fmt::format(", {} * {} @ {} of {}", part.update.scale, part.update.b.describe(),
                         part.update.a.describe(), part.update.source);
    }
    return out + ")";
  }

 private:
  struct Part {
    LowRankUpdate update;
    Tensor b;  // float32
  };

  Status read_a() const {
    for (const Part& part : parts_) {
      LAP_ASSIGN_OR_RETURN(std::vector<float> values, part.update.a.to_floats());
      a_.push_back(std::move(values));
    }
    return {};
  }

  // `b` is scratch; `values` are the box's.
  Status add(const Part& part, const Box& box, std::vector<float>& b,
             std::vector<float>& values) const {
    const int64_t rank = part.b.shape()[1];
    b.resize(static_cast<size_t>(box.rows() * rank));
    LAP_RETURN_IF_ERROR(part.b.producer()->read_box({box.row_begin, box.row_end, 0, rank},
                                                    std::as_writable_bytes(std::span(b))));
    const auto index = static_cast<size_t>(&part - parts_.data());
    add_rows({.a = a_[index].data() + box.col_begin,
              .b = b.data(),
              .out = values.data(),
              .rank = rank,
              .stride = outputs()[0].cols(),
              .rows = box.rows(),
              .cols = box.cols(),
              .scale = part.update.scale});
    return {};
  }

  Tensor weight_, floats_;
  std::vector<Part> parts_;
  mutable std::once_flag read_a_;
  mutable Status a_status_;
  mutable std::vector<std::vector<float>> a_;  // of each part, once read
};

}  // namespace

Tensor add_low_rank(const Tensor& w, std::vector<LowRankUpdate> updates) {
  assert(w.shape().size() == 2 && is_float(w.dtype()));
  return Tensor(std::make_shared<AddLowRank>(w, std::move(updates)));
}

}  // namespace lapidary::tensor
