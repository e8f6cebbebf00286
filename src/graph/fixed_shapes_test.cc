// Shapes by rule. That the rules agree with ONNX Runtime on whole models is shown by
// tests/golden_shapes_test.cc.
#include "graph/fixed_shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "graph/builder.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

using tensor::Shape;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

// One node reading inputs of these shapes, then constants; the shape of its first output.
struct OpCase {
  const char* op;
  std::vector<Shape> inputs;
  std::vector<std::vector<int64_t>> constants;
  Attributes attributes;
  Shape expected;
};

Graph one_node(const OpCase& one) {
  Builder b("g");
  std::vector<Ref> refs;
  for (const Shape& shape : one.inputs) {
    refs.push_back(b.input("x" + std::to_string(refs.size()), DType::kFloat,
                           SymbolicShape(shape.begin(), shape.end())));
  }
  for (const auto& values : one.constants) refs.push_back(b.constant(values));
  b.output("y", b.op(one.op, refs, "at", one.attributes), DType::kFloat, {});
  return std::move(b).finish();
}

TEST(FixedShapes, EachOperatorsRule) {
  using Ints = std::vector<int64_t>;
  const std::vector<OpCase> cases = {
      {"Tanh", {{2, 3}}, {}, {}, {2, 3}},
      {"Add", {{2, 1, 4}, {3, 1}}, {}, {}, {2, 3, 4}},
      {"Where", {{1, 3}, {2, 1}, {}}, {}, {}, {2, 3}},
      {"MatMul", {{5, 1, 2, 3}, {4, 3, 6}}, {}, {}, {5, 4, 2, 6}},
      {"MatMul", {{3}, {3, 6}}, {}, {}, {6}},
      {"Gemm", {{3, 2}, {6, 3}}, {}, {{"transA", int64_t{1}}, {"transB", int64_t{1}}}, {2, 6}},
      {"Concat", {{1, 2, 4}, {1, 5, 4}}, {}, {{"axis", int64_t{-2}}}, {1, 7, 4}},
      {"Reshape", {{2, 3, 8}}, {{0, -1, 4}}, {}, {2, 6, 4}},
      {"Slice", {{1, 9, 4}}, {{-3}, {kEnd}, {1}}, {}, {1, 3, 4}},
      {"Slice", {{9}}, {{0}, {kEnd}, {0}, {2}}, {}, {5}},
      {"Slice", {{9}}, {{-1}, {-kEnd}, {0}, {-4}}, {}, {3}},
      {"Slice", {{9}}, {{7}, {2}, {0}}, {}, {0}},
      {"Gather", {{2, 5, 3}}, {{1, 1, 4, 0}}, {{"axis", int64_t{1}}}, {2, 4, 3}},
      {"Transpose", {{2, 3, 4}}, {}, {{"perm", Ints{2, 0, 1}}}, {4, 2, 3}},
      {"Transpose", {{2, 3, 4}}, {}, {}, {4, 3, 2}},
      {"Unsqueeze", {{2, 3}}, {{0, -1}}, {}, {1, 2, 3, 1}},
      {"Squeeze", {{1, 3, 1}}, {{0}}, {}, {3, 1}},
      {"Squeeze", {{1, 3, 1}}, {}, {}, {3}},
      {"Expand", {{3, 1}}, {{2, 1, 4}}, {}, {2, 3, 4}},
      {"Tile", {{2, 3}}, {{2, 0}}, {}, {4, 0}},
      {"Shape", {{2, 3, 4}}, {}, {{"start", int64_t{-2}}}, {2}},
      {"Size", {{2, 3, 4}}, {}, {}, {}},
      {"Pad", {{2, 3}}, {{0, 1, 2, 0}}, {}, {4, 4}},
      {"Split", {{2, 7}}, {}, {{"axis", int64_t{1}}}, {2, 7}},
      {"ReduceSum", {{2, 3, 4}}, {{-2}}, {{"keepdims", int64_t{0}}}, {2, 4}},
      {"ReduceMax", {{2, 3}}, {}, {}, {1, 1}},
      {"Range", {}, {{0}, {10}, {3}}, {}, {4}},
      {"ConstantOfShape", {}, {{2, 0, 5}}, {}, {2, 0, 5}},
      {"Conv",
       {{1, 8, 240, 128}, {16, 8, 3, 3}},
       {},
       {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}},
       {1, 16, 120, 64}},
      {"Conv",
       {{1, 8, 20}, {8, 1, 5}},
       {},
       {{"group", int64_t{8}}, {"pads", Ints{4, 0}}},
       {1, 8, 20}},
      {"Attention", {{1, 4, 5, 8}, {1, 2, 9, 8}, {1, 2, 9, 6}}, {}, {}, {1, 4, 5, 6}},
  };
  for (const OpCase& one : cases) {
    const auto known = infer_shapes(one_node(one));
    ASSERT_TRUE(known.ok()) << one.op << ": " << known.error().message();
    EXPECT_EQ(known->shapes.at("y"), one.expected) << one.op;
  }
}

// A crash or a made-up shape here would come from a damaged model file.
TEST(FixedShapes, RefusesInputsThatDoNotFit) {
  const std::vector<OpCase> cases = {
      {"Add", {{2, 3}, {2}}, {}, {}, {}},
      {"MatMul", {{2, 3}, {2, 3}}, {}, {}, {}},
      {"MatMul", {{}, {2, 3}}, {}, {}, {}},
      {"MatMul", {{2, 3}}, {}, {}, {}},
      {"Concat", {{2, 3}, {2, 3, 4}}, {}, {}, {}},
      {"Reshape", {{2, 3}}, {{4, -1}}, {}, {}},
      {"Reshape", {{2, 3}}, {{-1, -1}}, {}, {}},
      {"Reshape", {{2, 3}}, {{2, 3, 0}}, {}, {}},
      {"Reshape", {{2, 3}}, {{kEnd, kEnd}}, {}, {}},
      {"Gather", {{}}, {{0}}, {}, {}},
      {"Slice", {{9}}, {{0}, {1}, {3}}, {}, {}},
      {"Slice", {{9}}, {{0}, {1}, {0}, {0}}, {}, {}},
      {"Transpose", {{2, 3}}, {}, {{"perm", std::vector<int64_t>{0, 0}}}, {}},
      {"Unsqueeze", {{2}}, {{0, 0}}, {}, {}},
      {"Range", {}, {{0}, {5}, {0}}, {}, {}},
      {"Range", {}, {{-kEnd}, {kEnd}, {1}}, {}, {}},
      {"ConstantOfShape", {}, {{kEnd, kEnd}}, {}, {}},
      {"ConstantOfShape", {}, {{-1}}, {}, {}},
      {"Pad", {{2}}, {{-3, 0}}, {}, {}},
      {"Tile", {{4}}, {{kEnd}}, {}, {}},
      {"Conv", {{1, 2, 3}, {1, 2, 5}}, {}, {}, {}},
      {"Split", {{4}}, {{3, 3}}, {}, {}},
  };
  for (const OpCase& one : cases) {
    const auto known = infer_shapes(one_node(one));
    ASSERT_FALSE(known.ok()) << one.op;
    EXPECT_EQ(known.error().kind, ErrorKind::kBadInput) << known.error().message();
    EXPECT_THAT(known.error().message(), HasSubstr("at/" + std::string(one.op)));
  }
}

// Shapes that depend on the shapes of others, as exporters and our own builders write them.
TEST(FixedShapes, FollowsSmallIntegers) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"n", "s", int64_t{12}});
  const Ref shape = b.op("Shape", {x});
  const Ref s = b.op("Gather", {shape, b.constant({1})}, "s");
  const Ref half = b.op("Div", {b.op("Neg", {s}, "neg"), b.constant({-2})}, "half");
  const Ref target =
      b.op("Concat",
           {b.op("Slice", {shape, b.constant({0}), b.constant({1})}, "n"), half, b.constant({-1})},
           "target", {{"axis", int64_t{0}}});
  const Ref y = b.op("Reshape", {x, target}, "y");
  const Ref missing = b.op("Mod", {b.op("Neg", {s}, "to"), b.constant({8})}, "missing");
  const Ref rows = b.op("Range",
                        {b.constant_scalar(int64_t{0}), b.op("Squeeze", {half}, "rows"),
                         b.constant_scalar(int64_t{2})},
                        "rows");
  const Ref grid = b.op(
      "Add", {b.op("Unsqueeze", {rows, b.constant({1})}, "column"), b.constant({0, 10})}, "grid");
  b.output("out", y, DType::kFloat, {});
  const Graph graph = std::move(b).finish();

  const auto known = infer_shapes(graph, {{"n", 2}, {"s", 10}});
  ASSERT_TRUE(known.ok()) << known.error().message();
  EXPECT_THAT(known->integers.at(target.name), ElementsAre(2, 5, -1));
  EXPECT_THAT(known->shapes.at("out"), ElementsAre(2, 5, 24));
  EXPECT_THAT(known->integers.at(missing.name), ElementsAre(6));
  EXPECT_THAT(known->integers.at(rows.name), ElementsAre(0, 2, 4));
  EXPECT_THAT(known->integers.at(grid.name), ElementsAre(0, 10, 2, 12, 4, 14));
}

TEST(FixedShapes, NamesWhatKeepsAShapeOpen) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"n", int64_t{4}});
  const Ref keep = b.optional_input("keep", {int64_t{1}}, tensor::integers({1}, {0}));
  b.output("y", b.op("Slice", {x, keep, b.constant({kEnd}), b.constant({0})}, "last"),
           DType::kFloat, {});
  Graph graph = std::move(b).finish();

  const auto unbound = infer_shapes(graph);
  ASSERT_FALSE(unbound.ok());
  EXPECT_EQ(unbound.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(unbound.error().message(), HasSubstr("'n' has no size"));

  const auto open = infer_shapes(graph, {{"n", 3}});
  ASSERT_FALSE(open.ok());
  EXPECT_EQ(open.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(open.error().message(), HasSubstr("last/Slice"));
  EXPECT_THAT(open.error().message(), HasSubstr("'keep'"));

  graph.inputs.pop_back();  // fixed at its default
  const auto fixed = infer_shapes(graph, {{"n", 3}});
  ASSERT_TRUE(fixed.ok()) << fixed.error().message();
  EXPECT_THAT(fixed->shapes.at("y"), ElementsAre(3, 4));
}

TEST(FixedShapes, RefusesOperatorsWithoutARule) {
  for (const char* op : {"Frobnicate", "NonZero"}) {
    const auto known = infer_shapes(one_node({op, {{2}}, {}, {}, {}}));
    ASSERT_FALSE(known.ok());
    EXPECT_EQ(known.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(known.error().message(), HasSubstr("at/" + std::string(op)));
    EXPECT_THAT(known.error().message(), Not(HasSubstr(".cc")))
        << "who has the model cannot change this program";
  }
}

// Would catch one node without a rule, or one open input, that hides the shapes of all the rest.
TEST(FixedShapes, WhatCanBeToldIsKnown) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {int64_t{3}, int64_t{4}});
  const Ref open = b.input("open", DType::kFloat, {"n"});
  const Ref strange = b.op("Frobnicate", {x});
  const Ref after = b.op("Abs", {strange});
  const Ref moved = b.op("Transpose", {x}, "moved", {{"perm", std::vector<int64_t>{1, 0}}});
  for (const Ref& ref : {open, after, moved}) b.output(ref.name, ref, DType::kFloat, {});
  Graph graph = std::move(b).finish();
  graph.inputs.push_back({"unranked", DType::kFloat, {}, false});
  const FixedShapes known = known_shapes(graph);
  EXPECT_THAT(known.shapes.at(moved.name), ElementsAre(4, 3));
  for (const std::string& name : {open.name, strange.name, after.name, std::string("unranked")}) {
    EXPECT_FALSE(known.shapes.contains(name)) << name;
  }
  EXPECT_FALSE(infer_shapes(graph, {{"n", 2}}).ok());
}

}  // namespace
}  // namespace lapidary::graph
