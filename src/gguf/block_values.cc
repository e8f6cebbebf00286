#include "gguf/block_values.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <vector>

namespace lapidary::gguf {
namespace {

// Packed blocks and their values together fit a core's second cache.
constexpr int64_t kPackedBytesAtOnce = 64 << 10;

class BlockTensor final : public tensor::Producer {
 public:
  BlockTensor(tensor::Tensor blocks, tensor::Shape shape, BlockValues values)
      : Producer({values.dtype, std::move(shape)}),
        blocks_(std::move(blocks)),
        values_(std::move(values)) {
    assert(blocks_.dtype() == DType::kUint8 && blocks_.type().rows() == outputs()[0].rows());
    assert(blocks_.type().cols() / values_.block_bytes * values_.values_a_block ==
           outputs()[0].cols());
  }

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    return read_box({begin, end, 0, outputs()[0].cols()}, outs[0]);
  }

  Status read_box(const tensor::Box& box, std::span<std::byte> out) const override {
    if (box.rows() == 0 || box.cols() == 0) return {};
    const int64_t a_block = values_.values_a_block;
    const int64_t first = box.col_begin / a_block;
    const int64_t last = (box.col_end + a_block - 1) / a_block;
    const int64_t element = bytes_of(values_.dtype, 1);
    const int64_t packed = (last - first) * values_.block_bytes;  // bytes of a row
    const int64_t decoded = (last - first) * a_block * element;   // bytes of a row
    const int64_t skip = (box.col_begin - first * a_block) * element;
    const int64_t keep = box.cols() * element;
    const int64_t group = std::min(std::max<int64_t>(1, kPackedBytesAtOnce / packed), box.rows());
    std::vector<std::byte> from(static_cast<size_t>(group * packed));
    std::byte* to = out.data();
    const bool is_direct =
        keep == decoded && reinterpret_cast<uintptr_t>(to) % static_cast<uintptr_t>(element) == 0;
    std::vector<std::byte> whole(is_direct ? 0 : static_cast<size_t>(group * decoded));
    for (int64_t row = box.row_begin; row < box.row_end; row += group) {
      const int64_t rows = std::min(group, box.row_end - row);
      const auto part = std::span(from).first(static_cast<size_t>(rows * packed));
      LAP_RETURN_IF_ERROR(blocks_.producer()->read_box(
          {row, row + rows, first * values_.block_bytes, last * values_.block_bytes}, part));
      std::byte* const target = is_direct ? to : whole.data();
      values_.decode(part, {target, static_cast<size_t>(rows * decoded)});
      if (is_direct) {
        to += rows * decoded;
        continue;
      }
      for (int64_t i = 0; i < rows; ++i, to += keep) {
        std::memcpy(to, whole.data() + i * decoded + skip, static_cast<size_t>(keep));
      }
    }
    return {};
  }

  std::string describe() const override {
    return fmt::format("{}({})", values_.name, blocks_.describe());
  }

 private:
  tensor::Tensor blocks_;
  BlockValues values_;
};

}  // namespace

tensor::Tensor block_values(tensor::Tensor blocks, tensor::Shape shape, BlockValues values) {
  return tensor::Tensor(
      std::make_shared<BlockTensor>(std::move(blocks), std::move(shape), std::move(values)));
}

}  // namespace lapidary::gguf
