// The structure of the graph of fixed length; its numbers are tested against the reference by the
// golden tests.
#include "gemma4/fixed_vision_encoder.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gemma4/test_models.h"
#include "graph/fixed_shapes.h"

namespace lapidary::gemma4 {
namespace {

using graph::Graph;
using graph::Node;
using ::testing::HasSubstr;

Result<Graph> try_build(const TestModel& model, int64_t soft_tokens) {
  return build_fixed_vision_encoder(model.config, model.weights,
                                    FixedEncoderForm{soft_tokens, -100});
}
Graph build(const TestModel& model, int64_t soft_tokens) {
  return take(try_build(model, soft_tokens));
}

TEST(FixedVisionEncoder, HasThePortsOfItsHeader) {
  const Graph g = build(open(kTiny), 70);
  ASSERT_TRUE(graph::check(g).ok());
  ASSERT_EQ(g.inputs.size(), 3U);
  EXPECT_EQ(g.inputs[0].name, "pixel_values");
  EXPECT_EQ(graph::to_string(g.inputs[0].shape), "[1, 630, 768]");
  EXPECT_EQ(g.inputs[1].name, "pixel_position_ids");
  EXPECT_EQ(g.inputs[1].dtype, DType::kInt32);
  EXPECT_EQ(graph::to_string(g.inputs[1].shape), "[1, 630, 2]");
  EXPECT_EQ(g.inputs[2].name, "attention_mask");
  EXPECT_EQ(graph::to_string(g.inputs[2].shape), "[1, 1, 1, 630]");
  ASSERT_EQ(g.outputs.size(), 1U);
  EXPECT_EQ(g.outputs[0].name, "image_features");
  EXPECT_EQ(graph::to_string(g.outputs[0].shape), "[70, 128]");
}

// Catches what the HTP refuses or computes wrong: operators of other domains, tables of 64 bits,
// norms above rank 3, shapes that are not known.
TEST(FixedVisionEncoder, IsWhatAnHtpTakes) {
  for (const char* checkpoint : {kTiny, kStandardized, kClipped}) {
    SCOPED_TRACE(checkpoint);
    const Graph g = build(open(checkpoint), 12);
    const auto known = graph::infer_shapes(g);
    ASSERT_TRUE(known.ok()) << known.error().message();
    EXPECT_EQ(known->shapes.at("image_features")[0], 12);
    for (const Node& n : g.nodes) {
      EXPECT_EQ(n.domain, "") << n.name;
      if (n.op_type == "RMSNormalization") {
        EXPECT_LE(known->shapes.at(n.inputs[0]).size(), 3U) << n.name;
      }
      if (n.op_type == "Gather" && g.constant(n.inputs[0]) != nullptr) {
        EXPECT_EQ(g.constant(n.inputs[0])->dtype(), DType::kFloat) << n.name;
      }
    }
  }
}

// Catches a tensor that the checkpoint has and the graph forgets, and linears that quantization
// would not see.
TEST(FixedVisionEncoder, UsesEveryTensorUnderItsOwnName) {
  for (const char* checkpoint : {kTiny, kStandardized, kClipped}) {
    SCOPED_TRACE(checkpoint);
    const TestModel model = open(checkpoint);
    const Graph g = build(model, 12);
    expect_vision_tensors(g, model.config);
    EXPECT_EQ(count_linears(g), 7 * model.config.vision->num_hidden_layers + 2);
  }
}

// Catches tables of rows that no picture reaches: they are most of a small encoder's bytes.
TEST(FixedVisionEncoder, TablesEndWhereTheLongestPictureEnds) {
  const Graph g = build(open(kTiny), 20);
  const std::string tower = "model.vision_tower.";
  const auto rows = [&](const std::string& name) {
    return g.initializers.at(tower + name).shape().front();
  };
  EXPECT_EQ(rows("patch_embedder.position_embedding_table.x"), 60);
  EXPECT_EQ(rows("patch_embedder.position_embedding_table.y"), 60);
  EXPECT_EQ(rows("encoder.rotary_emb.cos"), 60);
}

// Catches a picture one soft token wide whose positions would lie beyond the table.
TEST(FixedVisionEncoder, RefusesLengthsThatItsPositionsDoNotReach) {
  const TestModel tiny = open(kTiny);
  EXPECT_TRUE(try_build(tiny, 85).ok());  // 256 positions, 3 a soft token
  for (const int64_t length : {86, 0, -1}) {
    const auto g = try_build(tiny, length);
    ASSERT_FALSE(g.ok());
    EXPECT_THAT(g.error().message(), HasSubstr(fmt::format("{} soft tokens", length)));
    EXPECT_THAT(g.error().message(), HasSubstr("[1, 85]"));
  }
}

}  // namespace
}  // namespace lapidary::gemma4
