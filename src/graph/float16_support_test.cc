// Which nodes may become float16. The rows are compared with ONNX's schemas by
// tools/check_operator_tables.py.
#include "graph/float16_support.h"

#include <gtest/gtest.h>

#include "graph/operators.h"

namespace lapidary::graph {
namespace {

bool takes_half(const std::string& domain, const std::string& op_type, int64_t opset) {
  return float16_support({domain, op_type, "n", {}, {}, {}}, opset) != nullptr;
}

// Would catch an operator that is converted and whose outputs nobody can follow.
TEST(Float16Support, EveryRowHasADtypeRule) {
  for (const Float16Support& row : float16_supports()) {
    EXPECT_NE(find_operator(row.domain, row.op_type), nullptr) << row.op_type;
  }
}

// Would catch a model that ONNX Runtime refuses: float16 where the schema of the opset has none.
TEST(Float16Support, FollowsTheOpset) {
  EXPECT_FALSE(takes_half("", "QuantizeLinear", 17));
  EXPECT_TRUE(takes_half("", "QuantizeLinear", 19));
  EXPECT_FALSE(takes_half("", "DequantizeLinear", 18));
  EXPECT_FALSE(takes_half("", "IsInf", 19));
  EXPECT_FALSE(takes_half("", "CumSum", 11));
  EXPECT_FALSE(takes_half("", "Resize", 10));
  EXPECT_TRUE(takes_half("", "Conv", 7));
  EXPECT_EQ(float16_support({"", "Resize", "n", {}, {}, {}}, 13)->float_input, 2U);
}

TEST(Float16Support, NothingIsSaidOfOperatorsThatAreNotKnown) {
  EXPECT_FALSE(takes_half("", "Frobnicate", 21));
  EXPECT_FALSE(takes_half("my", "Conv", 21));
  EXPECT_FALSE(takes_half(kMicrosoftDomain, "Conv", 21));
  EXPECT_FALSE(takes_half("", "NonMaxSuppression", 21));
  EXPECT_FALSE(takes_half("", "BitCast", 26));
  EXPECT_TRUE(takes_half(kMicrosoftDomain, "MatMulNBits", 17));
}

// Would catch a model that ONNX Runtime loads and fails to run.
TEST(Float16Support, AReductionWhileScatteringStaysFloat32) {
  Node node{"", "ScatterND", "n", {}, {}, {{"reduction", std::string("add")}}};
  EXPECT_EQ(float16_support(node, 18), nullptr);
  node.attributes["reduction"] = std::string("none");
  EXPECT_NE(float16_support(node, 18), nullptr);
}

}  // namespace
}  // namespace lapidary::graph
