// The structure of the vision encoder's graph; its numbers are tested against the reference by the
// golden tests.
#include "gemma4/vision_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "checkpoint/expected_tensors.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {
namespace {

using checkpoint::Config;
using checkpoint::Weights;
using graph::Graph;
using graph::Node;
using ::testing::HasSubstr;

std::filesystem::path folder(const std::string& path) {
  return std::filesystem::path(LAPIDARY_SOURCE_DIR) / path;
}

constexpr const char* kTiny = "models/tiny-gemma4/checkpoint";
constexpr const char* kStandardized = "tests/golden/vision/standardized";
constexpr const char* kClipped = "tests/golden/vision/clipped";

Config config(const std::string& checkpoint) {
  return Config::load(folder(checkpoint) / "config.json").value();
}
Weights weights(const std::string& checkpoint) { return Weights::open(folder(checkpoint)).value(); }

Graph build(const std::string& checkpoint) {
  return build_vision_encoder(config(checkpoint), weights(checkpoint)).value();
}

int64_t count(const Graph& g, const std::string& op) {
  return std::count_if(g.nodes.begin(), g.nodes.end(),
                       [&](const Node& n) { return n.op_type == op; });
}

TEST(VisionEncoder, HasThePortsThatRuntimesKnow) {
  const Graph g = build(kTiny);
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
    const Config c = config(checkpoint);
    const Graph g = build(checkpoint);
    for (const auto& spec : checkpoint::expected_vision_tensors(*c.vision, c.text.hidden_size)) {
      if (spec.name == "model.vision_tower.patch_embedder.position_embedding_table") {
        EXPECT_TRUE(g.initializers.contains(spec.name + ".x"));
        EXPECT_TRUE(g.initializers.contains(spec.name + ".y"));
      } else {
        EXPECT_TRUE(g.initializers.contains(spec.name)) << spec.name;
      }
    }
  }
}

// Catches linears that quantization would not see: each must be a MatMul whose second input is a
// transposed weight of the checkpoint.
TEST(VisionEncoder, EveryLinearIsAMatMulWithAWeight) {
  const Graph g = build(kTiny);
  const auto layers = config(kTiny).vision->num_hidden_layers;
  const auto linears = std::count_if(g.nodes.begin(), g.nodes.end(), [&](const Node& n) {
    const graph::Tensor* w = n.op_type == "MatMul" ? g.constant(n.inputs[1]) : nullptr;
    return w != nullptr && tensor::transposed_operand(*w).valid();
  });
  EXPECT_EQ(linears, 7 * layers + 2);          // and patches in, features out
  EXPECT_EQ(count(g, "MatMul"), linears + 1);  // and the pooling
}

// Catches attention that falls off ONNX Runtime's blocked kernel, which takes neither mask nor
// bias.
TEST(VisionEncoder, AttentionHasNoMaskInput) {
  const Graph g = build(kTiny);
  int64_t seen = 0;
  for (const Node& n : g.nodes) {
    if (n.op_type != "MultiHeadAttention") continue;
    ++seen;
    EXPECT_EQ(n.inputs.size(), 3U);
    EXPECT_EQ(std::get<float>(n.attributes.at("scale")), 1.0F);
  }
  EXPECT_EQ(seen, config(kTiny).vision->num_hidden_layers);
}

TEST(VisionEncoder, ClampsOnlyWhereTheConfigSaysSo) {
  EXPECT_EQ(count(build(kClipped), "Clip"), 2 * 7 * config(kClipped).vision->num_hidden_layers);
  EXPECT_EQ(count(build(kStandardized), "Clip"), 0);
}

// Catches bounds left behind by a checkpoint whose config switches them off, and the other way
// round bounds that are silently not there.
TEST(VisionEncoder, NamesTheTensorThatIsMissing) {
  Config c = config(kStandardized);
  c.vision->use_clipped_linears = true;
  const auto clipped = build_vision_encoder(c, weights(kStandardized));
  ASSERT_FALSE(clipped.ok());
  EXPECT_THAT(clipped.error().message(),
              HasSubstr("model.vision_tower.encoder.layers.0.self_attn.q_proj.input_min"));

  c = config(kClipped);
  c.vision->standardize = true;
  const auto standardized = build_vision_encoder(c, weights(kClipped));
  ASSERT_FALSE(standardized.ok());
  EXPECT_THAT(standardized.error().message(), HasSubstr("model.vision_tower.std_bias"));

  c = config(kClipped);
  ++c.vision->num_hidden_layers;
  const auto deeper = build_vision_encoder(c, weights(kClipped));
  ASSERT_FALSE(deeper.ok());
  EXPECT_THAT(deeper.error().message(), HasSubstr("model.vision_tower.encoder.layers.2."));
}

}  // namespace
}  // namespace lapidary::gemma4
