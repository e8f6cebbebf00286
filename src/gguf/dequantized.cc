#include "gguf/dequantized.h"

#include <fmt/core.h>

#include "gguf/block_codes.h"
#include "gguf/block_values.h"
#include "tensor/grid.h"

namespace lapidary::gguf {

tensor::Tensor dequantized(const GgufFile& file, const TensorInfo& info) {
  const BlockFormat& format = *info.format;
  if (!format.is_packed()) return file.stored(info);
  const auto decode = [dequantize = format.dequantize](std::span<const std::byte> blocks,
                                                       std::span<std::byte> values) {
    dequantize(blocks, {reinterpret_cast<float*>(values.data()), values.size() / sizeof(float)});
  };
  tensor::Tensor values = block_values(file.stored(info), info.shape,
                                       {.name = fmt::format("dequantize<{}>", format.name),
                                        .dtype = DType::kFloat,
                                        .block_bytes = format.block_bytes,
                                        .values_a_block = format.elements,
                                        .decode = decode});
  const auto grid = block_codes(file, info);
  return grid ? tensor::with_grid(values, *grid) : values;
}

}  // namespace lapidary::gguf
