// Renaming what bodies read of the graph around: by scope, as ONNX has it.
#include "graph/body_captures.h"

#include <gmock/gmock.h>

#include "graph/testing/bodies.h"

namespace lapidary::graph {
namespace {

using ::testing::ElementsAre;

TEST(BodyCaptures, AreRenamedWhereTheyAreRead) {
  OpaqueAttribute body = body_of("body", {{"Add", {"x", "w"}, "y"}, {"Mul", {"y", "x"}, "z"}});
  ASSERT_TRUE(rename_captures(body, {{"x", "x_full"}, {"other", "o"}}).ok());
  EXPECT_THAT(body.captures, ElementsAre("w", "x_full"));
  EXPECT_EQ(body.proto,
            body_of("body", {{"Add", {"x_full", "w"}, "y"}, {"Mul", {"y", "x_full"}, "z"}}).proto);
}

// Would catch a value of the body's own that is taken for the graph's, before or after it is made.
TEST(BodyCaptures, ABodysOwnValueStays) {
  OpaqueAttribute body = body_of("body", {{"Abs", {"x"}, "x"}, {"Neg", {"x"}, "z"}});
  ASSERT_TRUE(rename_captures(body, {{"x", "x_full"}}).ok());
  EXPECT_EQ(body.proto, body_of("body", {{"Abs", {"x_full"}, "x"}, {"Neg", {"x"}, "z"}}).proto);
}

TEST(BodyCaptures, BodiesInBodiesAreRenamedToo) {
  onnx::AttributeProto outer = body_proto("then_branch", {{"If", {"c"}, "y"}});
  *outer.mutable_g()->mutable_node(0)->add_attribute() =
      body_proto("then_branch", {{"Abs", {"x"}, "z"}});
  auto attribute = carried(outer, "a test");
  ASSERT_TRUE(attribute.ok());
  ASSERT_TRUE(rename_captures(*attribute, {{"x", "x_full"}}).ok());
  EXPECT_THAT(attribute->captures, ElementsAre("c", "x_full"));
  onnx::AttributeProto got;
  ASSERT_TRUE(got.ParseFromString(attribute->proto));
  EXPECT_EQ(got.g().node(0).attribute(0).g().node(0).input(0), "x_full");
}

// A body may hand out a value of the graph around as it is.
TEST(BodyCaptures, WhatABodyYieldsIsReadToo) {
  onnx::AttributeProto proto = body_proto("body", {{"Abs", {"x"}, "y"}});
  proto.mutable_g()->mutable_output(0)->set_name("x");
  auto attribute = carried(proto, "a test");
  ASSERT_TRUE(attribute.ok());
  ASSERT_TRUE(rename_captures(*attribute, {{"x", "x_full"}}).ok());
  onnx::AttributeProto got;
  ASSERT_TRUE(got.ParseFromString(attribute->proto));
  EXPECT_EQ(got.g().output(0).name(), "x_full");
}

}  // namespace
}  // namespace lapidary::graph
