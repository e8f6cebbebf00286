#include "checkpoint/useless_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/expected_tensors.h"
#include "checkpoint/test_tensors.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const TestTensors::Stored kBuffer{"F32", {2}, std::string(8, '\1')};

// Catches: a buffer unknown, and a weight (or somebody's scales) taken for one.
TEST(UselessTensorsTest, KnowsComputedBuffers) {
  for (const char* buffer : {"model.language_model.rotary_emb.inv_freq",
                             "model.language_model.rotary_emb.full_attention_inv_freq",
                             "model.language_model.rotary_emb.sliding_attention_original_inv_freq",
                             "model.language_model.rotary_emb_local.inv_freq",
                             "model.language_model.layers.0.self_attn.rotary_emb.inv_freq",
                             "model.language_model.layers.0.self_attn.rotary_emb.cos_cached",
                             "model.vision_tower.encoder.rotary_emb.original_inv_freq",
                             "model.audio_tower.rel_pos_enc.inv_timescales",
                             "model.audio_tower.layers.0.self_attn.softcap",
                             "model.language_model.embed_tokens.embed_scale",
                             "model.language_model.embed_tokens_per_layer.embed_scale",
                             "model.vision_tower.embeddings.position_ids", "position_ids"}) {
    EXPECT_TRUE(is_computed_buffer(buffer)) << buffer;
  }
  for (const char* weight :
       {"", "model.language_model.layers.0.layer_scalar", "model.surprise.inv_freq",
        "model.language_model.layers.0.mlp.up_proj.weight_scale",
        "model.language_model.layers.0.self_attn.k_scale", "embed_scale",
        "model.language_model.embed_tokens.weight", "model.vision_tower.std_scale"}) {
    EXPECT_FALSE(is_computed_buffer(weight)) << weight;
  }
}

// Catches: a buffer that stops a checkpoint, or one dropped without a word.
TEST(UselessTensorsTest, BuffersArePassedOver) {
  TestTensors tensors = TestTensors::tiny();
  tensors.all["model.language_model.rotary_emb.inv_freq"] = kBuffer;
  tensors.all["model.language_model.embed_tokens.embed_scale"] = kBuffer;
  TempDir dir;
  tensors.write_checkpoint(dir);
  const auto c = Checkpoint::open(dir.path());
  ASSERT_TRUE(c.ok()) << c.error().message();
  EXPECT_EQ(c->weights.names(), Checkpoint::open(tiny_checkpoint())->weights.names());
  EXPECT_THAT(c->notes,
              Contains("2 tensors passed over: rotary tables and scales, which config.json "
                       "determines"));
}

// Those of the tiny model's layers 3 to 5, which use keys and values of earlier ones.
TEST(UselessTensorsTest, KeysAndValuesOfSharedLayersAreNoted) {
  TestTensors tensors = TestTensors::tiny();
  const std::string attention = "model.language_model.layers.5.self_attn.";
  int64_t count = 0;
  for (const TensorSpec& spec :
       expected_text_tensors(*Config::load(tiny_checkpoint() / "config.json"))) {
    if (!spec.optional || spec.name == "lm_head.weight") continue;
    const auto bytes = static_cast<size_t>(2 * tensor::element_count(spec.shape));
    tensors.all[spec.name] = {"BF16", spec.shape, std::string(bytes, '\0')};
    ++count;
  }
  ASSERT_EQ(count, 9);
  tensors.all[attention + "v_norm.weight"] = kBuffer;
  TempDir dir;
  tensors.write_checkpoint(dir);
  const auto c = Checkpoint::open(dir.path());
  ASSERT_TRUE(c.ok()) << c.error().message();
  EXPECT_THAT(c->notes, Contains(std::to_string(count + 1) +
                                 " tensors passed over: keys and values of layers that use another "
                                 "layer's"));
  tensors.all["model.language_model.layers.0.self_attn.v_norm.weight"] = kBuffer;  // not shared
  TempDir other;
  tensors.write_checkpoint(other);
  const auto refused = Checkpoint::open(other.path());
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("layers.0.self_attn.v_norm.weight' [2] does not "
                                                   "belong to the model"));
}

// Catches: towers that stop a model of text, and one of two towers dropped without being asked.
TEST(UselessTensorsTest, TowersOfATextConfig) {
  Config config = *Config::load(tiny_checkpoint() / "config.json");
  const Weights all = Weights::open(tiny_checkpoint()).value();
  config.audio.reset();
  std::vector<std::string> notes;
  Weights weights = all;
  drop_useless_tensors(config, weights, notes);
  EXPECT_THAT(check_tensors(config, weights).error().message(),
              HasSubstr("does not belong to the model"));
  config.vision.reset();
  weights = all;
  notes.clear();
  drop_useless_tensors(config, weights, notes);
  const Status status = check_tensors(config, weights);
  EXPECT_TRUE(status.ok()) << status.error().message();
  EXPECT_THAT(notes, Contains(HasSubstr("config.json has text alone, they are of towers")));
}

}  // namespace
}  // namespace lapidary::checkpoint
