// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"
#include "checkpoint/packed_integers.h"
#include "checkpoint/processor_config.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/test_files.h"
#include "checkpoint/text_config.h"
#include "checkpoint/weights.h"
#include "example.h"

namespace lapidary::checkpoint {

Status checkpoint_example() {
  // [checkpoint/checkpoint.h]
  LAP_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::open("models/tiny-gemma4/checkpoint"));
  const TextConfig& text = checkpoint.config.text;
  LAP_ASSIGN_OR_RETURN(auto w, checkpoint.weights.tensor("model.language_model.norm.weight"));
  // [end]
  EXPECT_EQ(w.shape(), (tensor::Shape{text.hidden_size}));
  return {};
}

Status config_example(const std::filesystem::path& dir) {
  // [checkpoint/config.h]
  LAP_ASSIGN_OR_RETURN(Config config, Config::load(dir / "config.json"));
  int64_t hidden = config.text.hidden_size;
  int64_t patch = config.vision ? config.vision->patch_size : 0;  // it may lack a vision tower
  // [end]
  EXPECT_GT(hidden, 0);
  EXPECT_GT(patch, 0);
  return {};
}

Status processor_config_example(const std::filesystem::path& dir) {
  // [checkpoint/processor_config.h]
  LAP_ASSIGN_OR_RETURN(ProcessorConfig processor, ProcessorConfig::load(dir));
  int64_t budget = processor.image.max_soft_tokens;
  // [end]
  EXPECT_GT(budget, 0);
  return {};
}

Status safetensors_example(const std::filesystem::path& path) {
  // [checkpoint/safetensors.h]
  LAP_ASSIGN_OR_RETURN(auto file, SafetensorsFile::open(path));
  for (const TensorEntry& entry : file->entries()) {
    tensor::Tensor values = file->tensor(entry);  // lazy: no byte is read
    use(entry.name, values);
  }
  // [end]
  return {};
}

void text_config_example(const Config& config) {
  // [checkpoint/text_config.h]
  const TextConfig& text = config.text;
  for (int64_t i = 0; i < text.num_layers(); ++i) {
    use(text.head_dim(i), text.kv_heads(i), text.rope(i));
    use(text.intermediate_size(i));
  }
  // [end]
}

Status stored_tensors_example(const std::filesystem::path& dir) {
  // [checkpoint/stored_tensors.h]
  LAP_ASSIGN_OR_RETURN(StoredTensors stored, StoredTensors::open(dir));
  LAP_ASSIGN_OR_RETURN(tensor::Tensor w, stored.tensor("model.language_model.norm.weight"));
  // [end]
  EXPECT_EQ(w.shape().size(), 1U);
  return {};
}

Status weights_example(const std::filesystem::path& dir) {
  // [checkpoint/weights.h]
  LAP_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::open(dir));
  const std::string name = "model.language_model.norm.weight";
  LAP_ASSIGN_OR_RETURN(tensor::Tensor w, checkpoint.weights.tensor(name));
  // [end]
  EXPECT_EQ(w.shape().size(), 1U);
  return {};
}

void packed_integers_example(const tensor::Tensor& packed, int64_t k, int64_t n) {
  using tensor::Tensor;
  // [checkpoint/packed_integers.h]
  Tensor codes = unpacked_columns(packed, 4, k);  // int32 [N, ceil(k / 8)] -> uint8 [N, k]
  Tensor zeros = unpacked_rows(packed, 4, n);     // int32 [ceil(n / 8), G] -> uint8 [n, G]
  // [end]
  use(codes);
  use(zeros);
}

TEST(CheckpointExamples, OnTheTinyModel) {
  const std::filesystem::path dir = tiny_checkpoint();
  expect_ok(checkpoint_example());
  expect_ok(config_example(dir));
  expect_ok(processor_config_example(dir));
  expect_ok(safetensors_example(dir / "model.safetensors"));
  expect_ok(stored_tensors_example(dir));
  expect_ok(weights_example(dir));
  const auto config = Config::load(dir / "config.json");
  ASSERT_TRUE(config.ok()) << config.error().message();
  text_config_example(*config);
}

}  // namespace lapidary::checkpoint
