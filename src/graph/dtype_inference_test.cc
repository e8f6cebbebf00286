// Dtypes of values: each family of operators has its own rule.
#include "graph/dtype_inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
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

// A guess would put casts in the wrong places.
TEST(DtypeInference, RefusesOperatorsItDoesNotKnow) {
  Builder b("g");
  const Ref x = b.input("x", DType::kFloat, {});
  b.output("y", b.op("Frobnicate", {x}, "somewhere"), DType::kFloat, {});
  const auto dtypes = infer_dtypes(std::move(b).finish());
  ASSERT_FALSE(dtypes.ok());
  EXPECT_EQ(dtypes.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(dtypes.error().message(), ::testing::HasSubstr("somewhere/Frobnicate"));
}

}  // namespace
}  // namespace lapidary::graph
