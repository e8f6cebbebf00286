// The structure of the audio encoder's graph; its numbers are tested against the reference by the
// golden tests.
#include "gemma4/audio_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "gemma4/audio_weights.h"
#include "gemma4/test_models.h"

namespace lapidary::gemma4 {
namespace {

using graph::Graph;
using graph::Node;
using ::testing::HasSubstr;

TestModel tiny() { return open(kTiny); }
TestModel plain() { return open("tests/golden/audio_encoder/look_ahead"); }

Graph build(const TestModel& source) {
  return take(build_audio_encoder(source.config, source.weights));
}

// Catches names or types that ONNX Runtime GenAI's packages do not have.
TEST(AudioEncoder, HasThePortsOfThePackage) {
  const Graph g = build(tiny());
  ASSERT_TRUE(graph::check(g).ok());
  ASSERT_EQ(g.inputs.size(), 2U);
  EXPECT_EQ(g.inputs[0].name, "input_features");
  EXPECT_EQ(graph::to_string(g.inputs[0].shape), "[batch, time, 128]");
  EXPECT_EQ(g.inputs[1].name, "input_features_mask");
  EXPECT_EQ(g.inputs[1].dtype, DType::kBool);
  ASSERT_EQ(g.outputs.size(), 1U);
  EXPECT_EQ(g.outputs[0].name, "audio_features");
  EXPECT_EQ(graph::to_string(g.outputs[0].shape), "[num_audio_tokens, 128]");
}

// What the graph holds of a tensor that it does not hold itself.
std::string in_graph(std::string name) {
  for (const auto& [from, to] : {std::pair{"relative_k_proj.weight", "relative_keys"},
                                 std::pair{"per_dim_scale", "query_scale"}}) {
    if (name.ends_with(from)) return name.replace(name.rfind(from), std::string::npos, to);
  }
  return name;
}

// Catches a weight or bound of the checkpoint that the graph forgets, or files under another name.
TEST(AudioEncoder, UsesEveryTensorOfTheTower) {
  for (const TestModel& source : {tiny(), plain()}) {
    const Graph g = build(source);
    size_t seen = 0;
    for (const std::string& name : source.weights.names()) {
      if (!name.starts_with(kAudioTower) && !name.starts_with(kEmbedAudio)) continue;
      EXPECT_NE(g.constant(in_graph(name)), nullptr) << name;
      ++seen;
    }
    EXPECT_GT(seen, 0U);
  }
}

// Catches linears that a quantization pass would not find: ten a layer and the three around the
// layers. (The product with the relative keys is a stack of matrices, one for each head.)
TEST(AudioEncoder, LinearsAreMatMulsWithAConstant) {
  const TestModel source = tiny();
  const Graph g = build(source);
  const auto linears = std::count_if(g.nodes.begin(), g.nodes.end(), [&](const Node& node) {
    const tensor::Tensor* weight = node.op_type == "MatMul" ? g.constant(node.inputs[1]) : nullptr;
    return weight != nullptr && weight->shape().size() == 2;
  });
  EXPECT_EQ(linears, source.config.audio->num_hidden_layers * 10 + 3);
}

// Catches clamps that cannot bite in float32 and only cost time, and clamps that are lost.
TEST(AudioEncoder, GradientClippingIsLeftOutAtTheDefault) {
  TestModel source = plain();  // its linears have no clips
  ASSERT_FALSE(source.config.audio->use_clipped_linears);
  source.config.audio->gradient_clipping = 1e10;
  EXPECT_EQ(count(build(source), "Clip"), 0);
  source.config.audio->gradient_clipping = 100.0;
  // Before and after each feed-forward and the attention, in the convolution, at the end.
  const int64_t layers = source.config.audio->num_hidden_layers;
  EXPECT_EQ(count(build(source), "Clip"), layers * 8);
}

TEST(AudioEncoder, NamesAMissingTensor) {
  TestModel source = plain();
  source.config.audio->num_hidden_layers += 1;
  const auto g = build_audio_encoder(source.config, source.weights);
  ASSERT_FALSE(g.ok());
  EXPECT_THAT(g.error().message(), HasSubstr("model.audio_tower.layers.2.feed_forward1"));
}

// Catches a config that makes the mask's table take gigabytes.
TEST(AudioEncoder, RefusesHugeContexts) {
  TestModel source = plain();
  source.config.audio->attention_chunk_size = 65536;
  const auto g = build_audio_encoder(source.config, source.weights);
  ASSERT_FALSE(g.ok());
  EXPECT_THAT(g.error().message(), HasSubstr("attention_chunk_size"));
}

}  // namespace
}  // namespace lapidary::gemma4
