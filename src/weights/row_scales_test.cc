// Scales of rows: the arithmetic of quant/affine.h, over rows that are read once.
#include "weights/row_scales.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <vector>

#include "tensor/expressions.h"
#include "tensor/testing/unreadable.h"
#include "weights/testing/random_weights.h"

namespace lapidary::weights {
namespace {

using quant::ScaleSearch;
using tensor::Tensor;
using ::testing::AllOf;
using ::testing::HasSubstr;

// More than one reading takes.
constexpr int64_t kRows = 300;
constexpr int64_t kCols = 1000;

// Counts the rows that are read of another tensor.
class Counting final : public tensor::Producer {
 public:
  explicit Counting(Tensor of) : Producer(of.type()), of_(std::move(of)) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    rows += end - begin;
    return of_.producer()->read_tiles(begin, end, outs);
  }
  std::string describe() const override { return "counting"; }

  mutable int64_t rows = 0;

 private:
  Tensor of_;
};

TEST(RowScales, AreThoseOfAllRowsReadOnce) {
  const std::vector<float> values = test_weights(kRows * kCols, 2);
  for (const ScaleSearch search : {ScaleSearch::kMinMax, ScaleSearch::kMse}) {
    std::vector<float> expected(static_cast<size_t>(kRows));
    ASSERT_TRUE(
        quant::channel_scales(values, static_cast<size_t>(kCols), DType::kInt4, search, expected)
            .ok());
    const auto rows = std::make_shared<Counting>(tensor::floats({kRows, kCols}, values));
    const auto scales = std::make_shared<RowScales>(Tensor(rows), DType::kInt4, search);
    EXPECT_EQ(rows->rows, 0) << "before anybody asks";
    EXPECT_EQ(scales_tensor(scales, Tensor(rows)).to_floats().value(), expected);
    const auto again = scales->get();
    ASSERT_TRUE(again.ok()) << again.error().message();
    EXPECT_EQ(std::vector<float>(again->begin(), again->end()), expected);
    EXPECT_EQ(rows->rows, kRows);
  }
}

TEST(RowScales, SayWhatTheyAre) {
  const Tensor rows = tensor::floats({1, 2}, {1, 2});
  const auto scales = std::make_shared<RowScales>(rows, DType::kInt4, ScaleSearch::kMse);
  EXPECT_EQ(scales->describe(), "int4, mse");
  EXPECT_EQ(RowScales(rows, DType::kInt8, ScaleSearch::kMinMax).describe(), "int8, min-max");
  EXPECT_EQ(RowScales(rows, DType::kInt8, std::vector<float>{1, 1}).describe(),
            "int8, weighted mse");
  const Tensor made = scales_tensor(scales, rows);
  EXPECT_EQ(made.shape(), tensor::Shape{1});
  EXPECT_EQ(made.lower_bound(), 0.0F);
  EXPECT_THAT(made.describe(), AllOf(HasSubstr("scales<int4, mse>"), HasSubstr(rows.describe())));
}

TEST(RowScales, WeightsThatAreNotFiniteOrNotThereAreErrorsThatNameThem) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Tensor rows = tensor::floats({2, 2}, {1, 2, bad, 4});
    const auto scales = RowScales(rows, DType::kInt8, ScaleSearch::kMinMax).get();
    ASSERT_FALSE(scales.ok());
    EXPECT_EQ(scales.error().kind, ErrorKind::kBadInput);
    EXPECT_THAT(scales.error().message(),
                AllOf(HasSubstr(rows.describe()), HasSubstr("is not a finite number")));
  }
  const Tensor gone = tensor::unreadable(DType::kFloat, {2, 2});
  const auto scales = RowScales(gone, DType::kInt8, ScaleSearch::kMinMax).get();
  ASSERT_FALSE(scales.ok());
  EXPECT_THAT(scales.error().message(), HasSubstr("ends early"));
}

}  // namespace
}  // namespace lapidary::weights
