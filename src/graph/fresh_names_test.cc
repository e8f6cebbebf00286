// Names that are given to what passes add: none that anything has.
#include "graph/fresh_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/testing/bodies.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

Graph with_body() {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{2}});
  const Ref w = b.weight("w", tensor::floats({2}, {1, 2}));
  b.output("y", b.op("Add", {x, w}, "sum"), DType::kFloat, {int64_t{2}});
  Graph graph = std::move(b).finish();
  Node branch{"", "If", "choice", {"c"}, {"z"}, {}};
  onnx::AttributeProto body = body_proto("then_branch", {{"Abs", {"x"}, "inner"}});
  body.mutable_g()->mutable_node(0)->set_name("inner_node");
  body.mutable_g()->add_initializer()->set_name("inner_weight");
  branch.opaque["then_branch"] = carried(body, "a test").value();
  graph.nodes.push_back(branch);
  graph.functions = {function_of("my", "F", 17, {{"Relu", {"a"}, "in_function"}})};
  return graph;
}

// Would catch a place that is not looked at: ports, weights, nodes, values, bodies, functions.
TEST(FreshNames, NothingThatIsThereIsGiven) {
  FreshNames names(with_body());
  for (const char* there : {"x", "y", "w", "sum/Add", "choice", "z", "inner", "inner_node",
                            "inner_weight", "in_function"}) {
    EXPECT_TRUE(names.taken(there)) << there;
    EXPECT_EQ(names.fresh(there), std::string(there) + "_1");
  }
}

TEST(FreshNames, FreeNamesStayAsTheyAreAndAreTakenThen) {
  FreshNames names(with_body());
  EXPECT_EQ(names.fresh("w_scale"), "w_scale");
  EXPECT_EQ(names.fresh("w_scale"), "w_scale_1");
  EXPECT_EQ(names.fresh("w_scale"), "w_scale_2");
  EXPECT_EQ(names.fresh("w_scale_1"), "w_scale_1_1");
}

}  // namespace
}  // namespace lapidary::graph
