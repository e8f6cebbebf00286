#include "weights/half.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "base/float_types.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;

class HalfWeight final : public tensor::Producer {
 public:
  HalfWeight(Tensor operand, float min_positive, float max_finite)
      : Producer({DType::kFloat16, operand.shape()}),
        operand_(std::move(operand)),
        min_positive_(min_positive),
        max_finite_(max_finite) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    // Small groups of rows keep the float32 values in the core's own cache.
    constexpr int64_t kScratchBytes = 512 << 10;
    const int64_t cols = operand_.type().cols();
    const int64_t group = std::max<int64_t>(1, kScratchBytes / std::max<int64_t>(1, 4 * cols));
    thread_local std::vector<float> scratch;
    scratch.resize(static_cast<size_t>(std::min(group, end - begin) * cols));
    std::byte* to = outs[0].data();
    for (int64_t r = begin; r < end; r += group) {
      const int64_t rows = std::min(group, end - r);
      const auto values = std::span(scratch).first(static_cast<size_t>(rows * cols));
      LAP_RETURN_IF_ERROR(
          operand_.producer()->read_box({r, r + rows, 0, cols}, std::as_writable_bytes(values)));
      for (const float value : values) {
        const uint16_t bits = float_to_float16(clamp(value));
        std::memcpy(to, &bits, sizeof bits);
        to += sizeof bits;
      }
    }
    return {};
  }

  std::string describe() const override {
    return fmt::format("float16<{:f}, {:f}>({})", min_positive_, max_finite_, operand_.describe());
  }

 private:
  float clamp(float value) const {
    const float magnitude = std::abs(value);
    if (magnitude > 0.0f && magnitude < min_positive_) return std::copysign(min_positive_, value);
    if (magnitude > max_finite_ && std::isfinite(value)) return std::copysign(max_finite_, value);
    return value;
  }

  Tensor operand_;
  float min_positive_;
  float max_finite_;
};

}  // namespace

Tensor half_weight(const Tensor& x, double min_positive, double max_finite) {
  assert(x.dtype() == DType::kFloat);
  return Tensor(std::make_shared<HalfWeight>(x, static_cast<float>(min_positive),
                                             static_cast<float>(max_finite)));
}

}  // namespace lapidary::weights
