// The structure of the vision encoder's graph; its numbers are tested against the reference by the
// golden tests.
#include "gemma4/vision_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gemma4/test_models.h"

namespace lapidary::gemma4 {
namespace {

using graph::Graph;
using graph::Node;
using ::testing::HasSubstr;

Graph build(const TestModel& model) {
  return take(build_vision_encoder(model.config, model.weights));
}

TEST(VisionEncoder, HasThePortsThatRuntimesKnow) {
  const Graph g = build(open(kTiny));
  ASSERT_TRUE(graph::check(g).ok());
  ASSERT_EQ(g.inputs.size(), 2U);
  EXPECT_EQ(g.inputs[0].name, "pixel_values");
  EXPECT_EQ(graph::to_string(g.inputs[0].shape), "[batch, num_patches, 768]");
  EXPECT_EQ(g.inputs[1].name, "pixel_position_ids");
  EXPECT_EQ(g.inputs[1].dtype, DType::kInt64);
  EXPECT_EQ(graph::to_string(g.inputs[1].shape), "[batch, num_patches, 2]");
  ASSERT_EQ(g.outputs.size(), 1U);
  EXPECT_EQ(g.outputs[0].name, "image_features");
  EXPECT_EQ(graph::to_string(g.outputs[0].shape), "[num_image_tokens, 128]");
}

// Catches a tensor that the checkpoint has and the graph forgets, and names that passes and reports
// would not find: every weight is the checkpoint's, by its own name.
TEST(VisionEncoder, UsesEveryTensorUnderItsOwnName) {
  for (const char* checkpoint : {kTiny, kStandardized, kClipped}) {
    SCOPED_TRACE(checkpoint);
    const TestModel model = open(checkpoint);
    expect_vision_tensors(build(model), model.config);
  }
}

// Catches linears that quantization would not see: each must be a MatMul whose second input is a
// transposed weight of the checkpoint.
TEST(VisionEncoder, EveryLinearIsAMatMulWithAWeight) {
  const TestModel model = open(kTiny);
  const Graph g = build(model);
  const int64_t linears = count_linears(g);
  // And patches in, features out.
  EXPECT_EQ(linears, 7 * model.config.vision->num_hidden_layers + 2);
  EXPECT_EQ(count(g, "MatMul"), linears + 1);  // and the pooling
}

// Catches attention that falls off ONNX Runtime's blocked kernel, which takes neither mask nor
// bias.
TEST(VisionEncoder, AttentionHasNoMaskInput) {
  const TestModel model = open(kTiny);
  const Graph g = build(model);
  int64_t seen = 0;
  for (const Node& n : g.nodes) {
    if (n.op_type != "MultiHeadAttention") continue;
    ++seen;
    EXPECT_EQ(n.inputs.size(), 3U);
    EXPECT_EQ(std::get<float>(n.attributes.at("scale")), 1.0F);
  }
  EXPECT_EQ(seen, model.config.vision->num_hidden_layers);
}

TEST(VisionEncoder, ClampsOnlyWhereTheConfigSaysSo) {
  const TestModel clipped = open(kClipped);
  EXPECT_EQ(count(build(clipped), "Clip"), 2 * 7 * clipped.config.vision->num_hidden_layers);
  EXPECT_EQ(count(build(open(kStandardized)), "Clip"), 0);
}

// Catches bounds left behind by a checkpoint whose config switches them off, and the other way
// round bounds that are silently not there.
TEST(VisionEncoder, NamesTheTensorThatIsMissing) {
  TestModel model = open(kStandardized);
  model.config.vision->use_clipped_linears = true;
  const auto clipped = build_vision_encoder(model.config, model.weights);
  ASSERT_FALSE(clipped.ok());
  EXPECT_THAT(clipped.error().message(),
              HasSubstr("model.vision_tower.encoder.layers.0.self_attn.q_proj.input_min"));

  model = open(kClipped);
  model.config.vision->standardize = true;
  const auto standardized = build_vision_encoder(model.config, model.weights);
  ASSERT_FALSE(standardized.ok());
  EXPECT_THAT(standardized.error().message(), HasSubstr("model.vision_tower.std_bias"));

  model = open(kClipped);
  ++model.config.vision->num_hidden_layers;
  const auto deeper = build_vision_encoder(model.config, model.weights);
  ASSERT_FALSE(deeper.ok());
  EXPECT_THAT(deeper.error().message(), HasSubstr("model.vision_tower.encoder.layers.2."));
}

}  // namespace
}  // namespace lapidary::gemma4
