// RemoveLogitSoftcap: what it takes away and what it leaves alone. The result on ONNX Runtime is
// tested in tests/surgeries_test.cc.
#include "passes/surgeries/remove_logit_softcap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/notes.h"
#include "graph/builder.h"
#include "passes/test_graphs.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Ref;
using ::testing::ElementsAre;

Graph capped(bool by_product, float cap_after) {
  graph::Builder b("capped");
  const Ref x = b.input("x", DType::kFloat, {"n"});
  const Ref head = b.op("Relu", {x}, "head");
  const Ref scaled = by_product ? b.op("Mul", {b.constant_scalar(1.0F / 30.0F), head}, "cap")
                                : b.op("Div", {head, b.constant_scalar(30.0F)}, "cap");
  const Ref y = b.op("Mul", {b.op("Tanh", {scaled}, "cap"), b.constant_scalar(cap_after)}, "cap");
  b.output("logits", y, DType::kFloat, {"n"});
  return std::move(b).finish();
}

TEST(RemoveLogitSoftcap, EndsTheGraphBeforeTheCapAndLeavesItToTheHost) {
  for (const bool by_product : {false, true}) {
    const PassOutcome out = remove_logit_softcap(capped(by_product, 30.0F)).value();
    EXPECT_EQ(out.rewritten, 1);
    ASSERT_EQ(out.graph.nodes.size(), 1U);
    EXPECT_EQ(out.graph.nodes[0].op_type, "Relu");
    EXPECT_THAT(out.graph.nodes[0].outputs, ElementsAre("logits"));
    EXPECT_TRUE(graph::check(out.graph).ok());
    EXPECT_EQ(out.graph.metadata.at(contract::notes::kHostLogitSoftcap), "30.0");
  }
}

// A product that is no soft-cap would change what is largest.
TEST(RemoveLogitSoftcap, OtherEndsStay) {
  for (const float other : {-30.0F, 15.0F}) {
    const PassOutcome out = remove_logit_softcap(capped(false, other)).value();
    EXPECT_EQ(out.rewritten, 0);
    EXPECT_EQ(out.graph.nodes.size(), 4U);
    EXPECT_EQ(out.declined.size(), 1U);
  }
}

}  // namespace
}  // namespace lapidary::passes
