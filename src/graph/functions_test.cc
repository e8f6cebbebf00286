// What is read of functions, and that nothing else of them changes.
#include "graph/functions.h"

#include <gmock/gmock.h>

#include "graph/testing/bodies.h"

namespace lapidary::graph {
namespace {

using ::testing::ElementsAre;

// Would catch a body inside a function that nobody looks into.
TEST(Functions, FactsAreThoseOfAllNodes) {
  onnx::FunctionProto proto;
  proto.set_domain("my");
  proto.set_name("F");
  auto* import = proto.add_opset_import();
  import->set_domain("ai.onnx");  // the same as ""
  import->set_version(17);
  onnx::NodeProto& node = *proto.add_node();
  node.set_op_type("If");
  *node.add_attribute() = body_proto("then_branch", {{"Relu", {"x"}, "y"}});
  onnx::NodeProto& call = *proto.add_node();
  call.set_domain("other");
  call.set_op_type("G");

  const auto facts = function_facts(proto.SerializeAsString());
  ASSERT_TRUE(facts.ok()) << facts.error().message();
  EXPECT_EQ(facts->name, "my::F");
  EXPECT_EQ(facts->opset, 17);
  EXPECT_THAT(facts->ops, ElementsAre("If", "Relu", "other::G"));
}

TEST(Functions, OnlyTheOpsetChanges) {
  const auto raised = with_opset(function_of("my", "F", 13, {{"Relu", {"x"}, "y"}}), 21);
  ASSERT_TRUE(raised.ok());
  EXPECT_EQ(*raised, function_of("my", "F", 21, {{"Relu", {"x"}, "y"}}));
}

TEST(Functions, WhatIsNoFunctionIsAnError) {
  EXPECT_FALSE(function_facts("\xff\xff").ok());
  EXPECT_FALSE(with_opset("\xff\xff", 21).ok());
}

}  // namespace
}  // namespace lapidary::graph
