// Dtypes of values: each family of operators has its own rule.
#include "graph/dtype_inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/testing/bodies.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

TEST(DtypeInference, FollowsEachOperatorsRule) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {"n", int64_t{4}});
  const Ref ids = b.input("ids", DType::kInt64, {"n"});
  const Ref table = b.weight("table", tensor::floats({2, 4}, std::vector<float>(8)));
  std::map<std::string, DType> expected;
  const auto expect = [&](const Ref& value, DType dtype) { expected[value.name] = dtype; };

  expect(b.op("MatMul", {x, x}), DType::kFloat);
  expect(b.op("Shape", {x}), DType::kInt64);
  expect(b.op("Gather", {table, ids}), DType::kFloat);  // of the table, not of the indices
  const Ref mask = b.op("Equal", {ids, ids});
  expect(mask, DType::kBool);
  expect(b.op("Where", {mask, x, x}), DType::kFloat);  // not the condition's
  expect(b.op("Cast", {x}, "", {{"to", int64_t{10}}}), DType::kFloat16);
  expect(b.op("ConstantOfShape", {ids}), DType::kFloat);
  expect(b.op("ConstantOfShape", {ids}, "ints", {{"value", tensor::integers({1}, {7})}}),
         DType::kInt64);
  const Ref codes =
      b.weight("codes", tensor::literal({DType::kUint8, {2, 2}}, std::vector<std::byte>(4)));
  expect(b.microsoft_op("GatherBlockQuantized", {codes, ids, table}), DType::kFloat);
  expect(b.op("DequantizeLinear", {codes, table}), DType::kFloat);
  expect(b.op("QuantizeLinear", {x, table}), DType::kUint8);
  const auto top = b.multi_op("", "TopK", {x, ids}, 2, "top", {});
  expect(top[0], DType::kFloat);
  expect(top[1], DType::kInt64);
  b.output("y", b.op("Tanh", {x}), DType::kFloat, {});

  const auto dtypes = infer_dtypes(std::move(b).finish());
  ASSERT_TRUE(dtypes.ok()) << dtypes.error().message();
  for (const auto& [name, dtype] : expected) EXPECT_EQ(dtypes->at(name), dtype) << name;
  EXPECT_EQ(dtypes->at("ids"), DType::kInt64);
  EXPECT_EQ(dtypes->at("table"), DType::kFloat);
  EXPECT_EQ(dtypes->at("y"), DType::kFloat);
}

// Operators of models from elsewhere whose outputs do not all have the first input's dtype.
TEST(DtypeInference, OutputsOfOneNodeMayDiffer) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat16, {"n", int64_t{4}});
  const auto dtypes_of = [&](const char* op, size_t count, const Attributes& attributes) {
    std::vector<std::string> out;
    for (const Ref& ref : b.multi_op("", op, {x, x, x}, count, op, attributes)) {
      out.push_back(ref.name);
    }
    return out;
  };
  const auto norm = dtypes_of("LayerNormalization", 3, {});
  const auto pool = dtypes_of("MaxPool", 2, {});
  const auto drop = dtypes_of("Dropout", 2, {});
  const auto like = dtypes_of("EyeLike", 1, {});
  const auto eye = dtypes_of("EyeLike", 1, {{"dtype", int64_t{1}}});
  const auto full = dtypes_of("DequantizeLinear", 1, {{"output_dtype", int64_t{1}}});
  b.output("y", b.op("Abs", {x}), DType::kFloat16, {});
  const auto dtypes = infer_dtypes(std::move(b).finish());
  ASSERT_TRUE(dtypes.ok()) << dtypes.error().message();
  EXPECT_EQ(dtypes->at(norm[0]), DType::kFloat16);
  EXPECT_EQ(dtypes->at(norm[1]), DType::kFloat);
  EXPECT_EQ(dtypes->at(norm[2]), DType::kFloat);
  EXPECT_EQ(dtypes->at(pool[0]), DType::kFloat16);
  EXPECT_EQ(dtypes->at(pool[1]), DType::kInt64);
  EXPECT_EQ(dtypes->at(drop[1]), DType::kBool);
  EXPECT_EQ(dtypes->at(like[0]), DType::kFloat16);
  EXPECT_EQ(dtypes->at(eye[0]), DType::kFloat);
  EXPECT_EQ(dtypes->at(full[0]), DType::kFloat);
}

// Would catch one operator without a rule that hides the dtypes of all the rest, and a guess about
// what depends on it.
TEST(DtypeInference, WhatCanBeToldIsKnown) {
  Graph graph;
  graph.name = "g";
  graph.opsets = {{"", 17}};
  graph.inputs = {{"x", DType::kFloat, {int64_t{2}}}, {"c", DType::kBool, {}}};
  graph.outputs = {{"z", DType::kFloat, {}}};
  Node choice{"", "If", "choice", {"c"}, {"i"}, {}};
  choice.opaque["then_branch"] = body_of("then_branch", {{"Abs", {"x"}, "a"}}, DType::kFloat16);
  choice.opaque["else_branch"] = body_of("else_branch", {{"Neg", {"x"}, "b"}}, DType::kFloat16);
  graph.nodes = {{"my", "F", "call", {"x"}, {"f"}, {}},
                 {"", "Add", "sum", {"f", "x"}, {"s"}, {}},
                 choice,
                 {"", "Abs", "abs", {"x"}, {"a"}, {}},
                 {"my", "F", "last", {"a"}, {"z"}, {}}};
  const DTypes dtypes = known_dtypes(graph);
  EXPECT_FALSE(dtypes.contains("f"));
  EXPECT_FALSE(dtypes.contains("s"));
  EXPECT_EQ(dtypes.at("i"), DType::kFloat16);
  EXPECT_EQ(dtypes.at("a"), DType::kFloat);
  EXPECT_EQ(dtypes.at("z"), DType::kFloat);
}

// A guess would put casts in the wrong places.
TEST(DtypeInference, RefusesOperatorsItDoesNotKnow) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {});
  b.output("y", b.op("Frobnicate", {x}, "somewhere"), DType::kFloat, {});
  const auto dtypes = infer_dtypes(std::move(b).finish());
  ASSERT_FALSE(dtypes.ok());
  EXPECT_EQ(dtypes.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(dtypes.error().message(), ::testing::HasSubstr("somewhere/Frobnicate"));
  EXPECT_THAT(dtypes.error().message(), ::testing::Not(::testing::HasSubstr(".cc")))
      << "who has the model cannot change this program";
}

}  // namespace
}  // namespace lapidary::graph
