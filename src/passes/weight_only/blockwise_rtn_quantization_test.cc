// OnnxBlockWiseRtnQuantization as a graph rewrite; its numbers are tested in quant/.
#include "passes/weight_only/blockwise_rtn_quantization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "passes/test_graphs.h"
#include "quant/rtn.h"

namespace lapidary::passes {
namespace {

using graph::Node;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Rtn, RewritesGathersToTables) {
  BlockwiseRtnOptions o;
  o.format.bits = 8;
  o.format.block_size = 32;
  o.format.symmetric = true;
  o.nodes_to_include = {"embed/*"};
  const auto out = blockwise_rtn_quantization(linear_graph(), o).value();
  EXPECT_EQ(out.rewritten, 1);
  const Node& gather = node_named(out.graph, "embed/Gather");
  EXPECT_EQ(gather.qualified_op(), "com.microsoft::GatherBlockQuantized");
  EXPECT_THAT(gather.inputs, ElementsAre("embed.weight_Q8", "ids", "embed.weight_scales"));
  EXPECT_EQ(out.graph.initializers.at("embed.weight_Q8").shape(), (tensor::Shape{20, 64}));
  EXPECT_EQ(gather.int_attribute("quantize_axis", 0), 1);
}

TEST(Rtn, DefaultsAreOlives) {
  const auto pass = bound(&bind_blockwise_rtn_quantization, "{}");
  ASSERT_TRUE(pass.ok());
  EXPECT_EQ(pass->options.at("block_size"), 128);
  EXPECT_EQ(pass->options.at("is_symmetric"), true);
  EXPECT_EQ(pass->options.at("bits"), 4);
}

// Catches rows that are cut along the wrong axis, and the arithmetic of another method.
TEST(Rtn, CodesAreThoseOfTheTablesRows) {
  BlockwiseRtnOptions o;
  o.format = {.bits = 8, .block_size = 32, .symmetric = true};
  const auto out = blockwise_rtn_quantization(linear_graph(), o).value();
  std::vector<uint8_t> codes(20 * 64);
  std::vector<float> scales(20 * 2);
  quant::BlockFormat format = o.format;
  format.layout = quant::Layout::kGatherBlockQuantized;
  ASSERT_TRUE(quant::rtn_rows(linear_weights(20 * 64), 64, format, {codes, scales, {}}).ok());
  const auto stored = out.graph.initializers.at("embed.weight_Q8").materialize().value();
  EXPECT_TRUE(std::equal(codes.begin(), codes.end(), stored.begin(), stored.end(),
                         [](uint8_t a, std::byte b) { return a == static_cast<uint8_t>(b); }));
  EXPECT_EQ(out.graph.initializers.at("embed.weight_scales").to_floats().value(), scales);
}

TEST(Rtn, BadOptionsAreNamed) {
  const Bind bind = &bind_blockwise_rtn_quantization;
  EXPECT_EQ(verdict(bind, R"({"axis": 0})"), "accepted");
  EXPECT_THAT(verdict(bind, R"({"bits": 3})"), HasSubstr("'bits' is 3"));
  EXPECT_THAT(verdict(bind, R"({"block_size": 48})"), HasSubstr("'block_size' is 48"));
  EXPECT_THAT(verdict(bind, R"({"axes": 0})"), HasSubstr("'axes' is not a known key"));
}

}  // namespace
}  // namespace lapidary::passes
