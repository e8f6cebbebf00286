// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "base/testing/source_dir.h"
#include "example.h"
#include "gguf/block_codes.h"
#include "gguf/block_formats.h"
#include "gguf/dequantized.h"
#include "gguf/file.h"
#include "gguf/metadata.h"
#include "gguf/testing/gguf_bytes.h"

namespace lapidary::gguf {

void block_formats_example(std::span<const std::byte> two_blocks) {
  // [gguf/block_formats.h]
  const BlockFormat* format = block_format(GgmlType::kQ4_0);   // 32 values in 18 bytes
  std::vector<float> values(2 * 32);
  format->dequantize(two_blocks, values);
  // [end]
  EXPECT_EQ(values[0], -8.0F * 0.0F);
}

Status file_example(const std::filesystem::path& path) {
  // [gguf/file.h]
  LAP_ASSIGN_OR_RETURN(const auto file, GgufFile::open(path));
  for (const TensorInfo& info : file->tensors()) {
    tensor::Tensor values = dequantized(*file, info);  // lazy: no byte is read
    use(info.name, info.format->name, values);
  }
  // [end]
  return {};
}

Status metadata_example(const GgufFile* file) {
  // [gguf/metadata.h]
  const Metadata& metadata = file->metadata();
  LAP_ASSIGN_OR_RETURN(std::string arch, metadata.string("general.architecture"));
  LAP_ASSIGN_OR_RETURN(int64_t layers, metadata.integer(arch + ".block_count", 1, 1024));
  LAP_ASSIGN_OR_RETURN(StringArray tokens, metadata.strings("tokenizer.ggml.tokens"));
  use(layers, tokens[2]);  // a view: nothing was copied
  // [end]
  return {};
}

Status dequantized_example(const GgufFile* file, const TensorInfo& info) {
  // [gguf/dequantized.h]
  tensor::Tensor w = dequantized(*file, info);  // Q4_K [rows, cols]: float32 [rows, cols]
  LAP_ASSIGN_OR_RETURN(std::vector<float> values, w.to_floats());
  // [end]
  EXPECT_FALSE(values.empty());
  return {};
}

void block_codes_example(const GgufFile* file, const TensorInfo& info) {
  // [gguf/block_codes.h]
  if (const auto grid = block_codes(*file, info)) {  // Q4_0
    use(grid->bits, grid->codes, grid->scales);
  }
  // [end]
}

void gguf_bytes_example() {
  // [gguf/testing/gguf_bytes.h]
  GgufBytes gguf;
  gguf.key("general.name", ValueType::kString, text("tiny"));
  gguf.tensor("w", {32, 2}, 2, 0);                  // dims as the file has them; type Q4_0
  const std::string file = gguf.bytes(std::string(36, 'x'));
  // [end]
  EXPECT_TRUE(file.starts_with("GGUF"));
}

TEST(GgufExamples, OnTheGoldens) {
  const std::filesystem::path path = source_dir() / "tests/golden/gguf/blocks.gguf";
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message();
  const TensorInfo& info = *(*file)->find("packed.Q4_0");
  block_formats_example(std::vector<std::byte>(36));
  expect_ok(file_example(path));
  // The goldens are no model: the second key is missing.
  EXPECT_FALSE(metadata_example(file->get()).ok());
  expect_ok(dequantized_example(file->get(), info));
  block_codes_example(file->get(), info);
  gguf_bytes_example();
}

}  // namespace lapidary::gguf
