#include "checkpoint/packed_integers.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace lapidary::checkpoint {
namespace {

using tensor::Tensor;

constexpr int64_t kGroupWords = 64 << 10;

size_t index(int64_t n) { return static_cast<size_t>(n); }

class Packed : public tensor::Producer {
 public:
  Packed(Tensor packed, int bits, tensor::Shape shape)
      : Producer(tensor::TensorType{DType::kUint8, std::move(shape)}),
        packed_(std::move(packed)),
        bits_(bits) {
    assert(packed_.dtype() == DType::kInt32 && (bits == 4 || bits == 8));
  }

 protected:
  Result<std::vector<uint32_t>> words(int64_t row_begin, int64_t row_end) const {
    std::vector<uint32_t> out(index((row_end - row_begin) * packed_.shape()[1]));
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(out));
    LAP_RETURN_IF_ERROR(packed_.producer()->read_tiles(row_begin, row_end, std::span(&bytes, 1)));
    return out;
  }
  const Tensor& packed() const { return packed_; }
  int64_t per_word() const { return 32 / bits_; }
  std::byte taken(uint32_t word, int64_t at) const {
    return static_cast<std::byte>(word >> (at * bits_) & ((1U << bits_) - 1));
  }
  std::string described(const char* how) const {
    return fmt::format("{}<{} bits>({})", how, bits_, packed_.describe());
  }

 private:
  Tensor packed_;
  int bits_;
};

class PackedColumns final : public Packed {
 public:
  using Packed::Packed;

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    const int64_t cols = outputs()[0].cols();
    const int64_t row_words = packed().shape()[1];
    const int64_t group = std::max<int64_t>(1, kGroupWords / std::max<int64_t>(1, row_words));
    std::byte* to = outs[0].data();
    for (int64_t r = begin; r < end; r += group) {
      const int64_t last = std::min(r + group, end);
      LAP_ASSIGN_OR_RETURN(const std::vector<uint32_t> read, words(r, last));
      for (int64_t i = 0; i < last - r; ++i) {
        const uint32_t* row = read.data() + i * row_words;
        for (int64_t k = 0; k < cols; ++k) *to++ = taken(row[k / per_word()], k % per_word());
      }
    }
    return {};
  }
  std::string describe() const override { return described("unpacked_columns"); }
};

class PackedRows final : public Packed {
 public:
  using Packed::Packed;

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    if (begin == end) return {};
    const int64_t cols = outputs()[0].cols();
    const int64_t first = begin / per_word();
    LAP_ASSIGN_OR_RETURN(const std::vector<uint32_t> read,
                         words(first, (end - 1) / per_word() + 1));
    std::byte* to = outs[0].data();
    for (int64_t n = begin; n < end; ++n) {
      const uint32_t* row = read.data() + (n / per_word() - first) * cols;
      for (int64_t b = 0; b < cols; ++b) *to++ = taken(row[b], n % per_word());
    }
    return {};
  }
  std::string describe() const override { return described("unpacked_rows"); }
};

}  // namespace

Tensor unpacked_columns(const Tensor& packed, int bits, int64_t cols) {
  return Tensor(
      std::make_shared<PackedColumns>(packed, bits, tensor::Shape{packed.shape()[0], cols}));
}

Tensor unpacked_rows(const Tensor& packed, int bits, int64_t rows) {
  return Tensor(std::make_shared<PackedRows>(packed, bits, tensor::Shape{rows, packed.shape()[1]}));
}

}  // namespace lapidary::checkpoint
