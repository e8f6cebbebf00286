// The structure of the text graphs; their numbers are tested against the reference by the golden
// tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/testing/source_dir.h"
#include "checkpoint/checkpoint.h"
#include "gemma4/decoder.h"
#include "gemma4/embedding.h"

namespace lapidary::gemma4 {
namespace {

using checkpoint::Checkpoint;
using graph::Graph;
using graph::Node;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

Checkpoint open(const std::string& path) {
  auto checkpoint = Checkpoint::open(source_dir() / path);
  if (!checkpoint.ok()) throw std::runtime_error(checkpoint.error().message());
  return *std::move(checkpoint);
}
Checkpoint tiny() { return open("models/tiny-gemma4/checkpoint"); }

std::vector<std::string> names(const std::vector<graph::ValueInfo>& values) {
  std::vector<std::string> out;
  for (const auto& value : values) out.push_back(value.name);
  return out;
}

size_t position(const Graph& g, const std::string& node) {
  const auto it =
      std::find_if(g.nodes.begin(), g.nodes.end(), [&](const Node& n) { return n.name == node; });
  return static_cast<size_t>(it - g.nodes.begin());
}

// Catches caches for layers that own none, or names that GenAI would not find.
TEST(Decoder, OnlyLayersBeforeTheSharedOnesHaveCaches) {
  const Checkpoint c = tiny();
  const Graph g = build_decoder(c.config, c.weights).value();
  ASSERT_TRUE(graph::check(g).ok());
  EXPECT_THAT(names(g.inputs), ElementsAre("inputs_embeds", "per_layer_inputs", "attention_mask",
                                           "past_key_values.0.key", "past_key_values.0.value",
                                           "past_key_values.1.key", "past_key_values.1.value",
                                           "past_key_values.2.key", "past_key_values.2.value",
                                           "logits_to_keep", "sliding_window_offset"));
  EXPECT_THAT(names(g.outputs),
              ElementsAre("logits", "present.0.key", "present.0.value", "present.1.key",
                          "present.1.value", "present.2.key", "present.2.value"));
}

// Catches a prompt that runs through layers whose results nobody reads: all of the last donor but
// its keys and values, and everything after it, must lie behind the narrowing.
TEST(Decoder, NarrowsInsideTheLastDonor) {
  const Checkpoint c = tiny();
  const Graph g = build_decoder(c.config, c.weights).value();
  const std::string layer = "model.language_model.layers.2.self_attn.";
  const size_t narrowing = position(g, layer + "logits_to_keep.hidden_states/Slice");
  ASSERT_LT(narrowing, g.nodes.size());
  EXPECT_LT(position(g, layer + "k_proj/MatMul"), narrowing);
  EXPECT_LT(position(g, layer + "v_proj/MatMul"), narrowing);
  EXPECT_GT(position(g, layer + "q_proj/MatMul"), narrowing);
  EXPECT_LT(position(g, layer + "q_proj/MatMul"), g.nodes.size());
}

TEST(Decoder, ModelsWithoutSharingNarrowInTheirLastLayer) {
  const Checkpoint c = open("tests/golden/checkpoints/no_sharing");
  const Graph g = build_decoder(c.config, c.weights).value();
  const int64_t last = c.config.text.num_layers() - 1;
  EXPECT_LT(position(g, "model.language_model.layers." + std::to_string(last) +
                            ".self_attn.logits_to_keep.hidden_states/Slice"),
            g.nodes.size());
}

// The reference ignores them, so must we: they would only waste bytes.
TEST(Decoder, StoredWeightsOfSharedLayersAreLeftOut) {
  const Checkpoint c = open("tests/golden/checkpoints/stored_shared_kv");
  const int64_t shared = c.config.text.first_kv_shared_layer();
  const std::string name =
      "model.language_model.layers." + std::to_string(shared) + ".self_attn.k_proj.weight";
  ASSERT_NE(c.weights.find(name), nullptr) << "the checkpoint does not show the case";
  const Graph g = build_decoder(c.config, c.weights).value();
  EXPECT_FALSE(g.initializers.contains(name));
}

TEST(Decoder, UntiedHeadsAreTheirOwnWeight) {
  const Checkpoint c = open("tests/golden/checkpoints/sharded_untied");
  ASSERT_FALSE(c.config.tie_word_embeddings);
  const Graph g = build_decoder(c.config, c.weights).value();
  EXPECT_THAT(g.initializers.at("lm_head.weight").describe(),
              ::testing::HasSubstr("lm_head.weight"));
}

// ONNX Runtime GenAI feeds features always, and asks the graph for their dtype: a default would
// hide the input from it.
TEST(Embedding, FeaturesAreRequired) {
  const Checkpoint c = tiny();
  const Graph g = build_embedding(c.config, c.weights).value();
  ASSERT_TRUE(graph::check(g).ok());
  EXPECT_THAT(names(g.inputs), ElementsAre("input_ids", "image_features", "audio_features"));
  EXPECT_THAT(names(g.outputs), ElementsAre("inputs_embeds", "per_layer_inputs"));
  EXPECT_FALSE(g.initializers.contains("image_features"));
  EXPECT_EQ(g.inputs[1].shape,
            (graph::SymbolicShape{std::string("num_image_tokens"), int64_t{128}}));
}

TEST(Embedding, ModelsWithoutTowersTakeNoFeatures) {
  checkpoint::Config config = tiny().config;
  const Checkpoint c = tiny();
  config.vision.reset();
  EXPECT_THAT(names(build_embedding(config, c.weights).value().inputs),
              ElementsAre("input_ids", "audio_features"));
  config.audio.reset();
  EXPECT_THAT(names(build_embedding(config, c.weights).value().inputs), ElementsAre("input_ids"));
}

TEST(Embedding, ModelsWithoutPerLayerInputsHaveOneOutput) {
  const Checkpoint c = open("tests/golden/checkpoints/no_ple");
  const Graph g = build_embedding(c.config, c.weights).value();
  EXPECT_THAT(names(g.outputs), ElementsAre("inputs_embeds"));
  EXPECT_THAT(names(build_decoder(c.config, c.weights).value().inputs),
              Not(Contains("per_layer_inputs")));
}

}  // namespace
}  // namespace lapidary::gemma4
