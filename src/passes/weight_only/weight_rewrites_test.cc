// Weights that lie on a grid, under passes that quantize.
#include "passes/weight_only/weight_rewrites.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "graph/builder.h"
#include "passes/test_graphs.h"
#include "passes/weight_only/blockwise_rtn_quantization.h"
#include "passes/weight_only/kquant_quantization.h"
#include "passes/weight_only/matmul_nbits_to_qdq.h"
#include "tensor/expressions.h"
#include "tensor/grid.h"
#include "weights/code_packing.h"

namespace lapidary::passes {
namespace {

using graph::Node;
using tensor::Tensor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kN = 16;
constexpr int64_t kK = 64;

// Steps that no rounding of the values would find: every block's largest level is 5.
tensor::Grid grid() {
  std::vector<std::byte> codes;
  std::vector<float> scales;
  for (int64_t i = 0; i < kN * kK; ++i) codes.push_back(static_cast<std::byte>(3 + i * 7 % 11));
  for (int64_t i = 0; i < kN * kK / 32; ++i) scales.push_back(0.001F * static_cast<float>(i + 1));
  return {.bits = 4,
          .block_size = 32,
          .codes = tensor::literal({DType::kUint8, {kN, kK}}, codes),
          .scales = tensor::floats({kN, kK / 32}, scales)};
}

// ids -> Gather of a table -> product, both on the same grid.
graph::Graph gridded_graph() {
  graph::Builder b("g");
  const graph::Ref ids = b.input("ids", DType::kInt64, {"n"});
  const graph::Ref table = b.weight("embed.weight", tensor::on_grid(grid()));
  const graph::Ref x = b.op("Gather", {table, ids}, "embed", {{"axis", int64_t{0}}});
  const graph::Ref w = b.weight("q.weight", tensor::transpose(tensor::on_grid(grid())));
  b.output("y", b.op("MatMul", {x, w}, "q"), DType::kFloat, {"n", kN});
  return std::move(b).finish();
}

WeightSelection selection(int bits, int block_size, bool symmetric) {
  WeightSelection out;
  out.format = {.bits = bits, .block_size = block_size, .symmetric = symmetric};
  return out;
}

void expect_codes_of_grid(const graph::Graph& graph, const std::string& weight) {
  const std::vector<std::byte> packed = graph.initializers.at(weight + "_Q4").materialize().value();
  const std::vector<int64_t> codes = grid().codes.to_integers().value();
  for (size_t i = 0; i < codes.size(); ++i) {
    ASSERT_EQ(int64_t{weights::nibble(packed, i)}, codes[i]) << weight << " " << i;
  }
  EXPECT_EQ(graph.initializers.at(weight + "_scales").to_floats().value(),
            grid().scales.to_floats().value());
}

// Catches a second rounding: by K-quant and by round-to-nearest, of products and of tables.
TEST(KeptGrids, CodesGoThroughUnchanged) {
  const auto k = kquant_quantization(gridded_graph(), selection(4, 32, false)).value();
  expect_codes_of_grid(k.graph, "q.weight");
  EXPECT_THAT(node_named(k.graph, "q/MatMul").inputs,
              ElementsAre(::testing::_, "q.weight_Q4", "q.weight_scales"));
  EXPECT_THAT(k.grids.kept, ElementsAre("q.weight"));
  const auto rtn = blockwise_rtn_quantization(gridded_graph(), selection(4, 32, true)).value();
  expect_codes_of_grid(rtn.graph, "q.weight");
  expect_codes_of_grid(rtn.graph, "embed.weight");
  EXPECT_THAT(rtn.grids.kept, ElementsAre("embed.weight", "q.weight"));
  EXPECT_THAT(rtn.grids.rounded, IsEmpty());
  EXPECT_THAT(rtn.grids.without, IsEmpty());
  EXPECT_EQ(rtn.graph.metadata.at("quantization:q.weight_Q4"), "kept int4, block 32, symmetric");
}

TEST(KeptGrids, WhatAFormatCannotHoldIsRoundedAndNamed) {
  const auto out = kquant_quantization(gridded_graph(), selection(4, 64, false)).value();
  EXPECT_THAT(out.grids.kept, IsEmpty());
  ASSERT_EQ(out.grids.rounded.size(), 1U);
  EXPECT_THAT(out.grids.rounded.at("q.weight"), HasSubstr("every 32"));
  const auto plain = kquant_quantization(linear_graph(), selection(4, 16, false)).value();
  EXPECT_EQ(plain.grids.without.size(), 2U);
}

// As INT4 QDQ: the values of the grid, exactly, through DequantizeLinear.
TEST(KeptGrids, ReachDequantizeLinear) {
  auto blocks = blockwise_rtn_quantization(gridded_graph(), selection(4, 32, true)).value();
  const auto qdq = matmul_nbits_to_qdq(std::move(blocks.graph), {.use_int4 = true}, htp()).value();
  const Node& node =
      *std::find_if(qdq.graph.nodes.begin(), qdq.graph.nodes.end(),
                    [](const Node& each) { return each.op_type == "DequantizeLinear"; });
  const std::vector<std::byte> codes =
      qdq.graph.initializers.at(node.inputs[0]).materialize().value();
  const std::vector<float> scales = qdq.graph.initializers.at(node.inputs[1]).to_floats().value();
  const std::vector<float> values = tensor::on_grid(grid()).to_floats().value();
  for (size_t n = 0; n < size_t{kN}; ++n) {
    for (size_t i = 0; i < size_t{kK}; ++i) {
      const float made = static_cast<float>(weights::signed_nibble(codes, i * size_t{kN} + n)) *
                         scales[i / 32 * size_t{kN} + n];
      ASSERT_EQ(made, values[n * size_t{kK} + i]) << n << " " << i;
    }
  }
}

}  // namespace
}  // namespace lapidary::passes
