// Rows of several tensors at once: catches rows of one tensor beside those of another, and what can
// be read as a whole only.
#include "weights/row_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tensor/expressions.h"
#include "tensor/testing/unreadable.h"
#include "weights/blockwise.h"
#include "weights/testing/random_weights.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;
using ::testing::HasSubstr;

TEST(RowReader, GivesTheSameRowsOfAllTensors) {
  const int64_t n = 10;
  const BlockwiseWeight w = quantize_blockwise(
      tensor::floats({n, 64}, test_weights(n * 64, 1)),
      {.method = QuantMethod::kRtn, .block = {.bits = 4, .block_size = 32, .symmetric = false}});
  // Three outputs of one expression, a matrix, and a vector that is one row to itself.
  const std::vector<Tensor> tensors = {w.codes, w.scales, w.zero_points,
                                       tensor::floats({n, 2}, test_weights(n * 2, 2)),
                                       tensor::floats({n * 3}, test_weights(n * 3, 3))};
  RowReader reader = RowReader::create(tensors, n).value();
  for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{3, 5}, {0, n}, {9, 10}, {4, 4}}) {
    const auto rows = reader.read(begin, end).value();
    ASSERT_EQ(rows.size(), tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      const std::vector<std::byte> all = tensors[i].materialize().value();
      const auto row = static_cast<int64_t>(all.size()) / n;
      EXPECT_EQ(std::vector<std::byte>(rows[i].begin(), rows[i].end()),
                std::vector<std::byte>(all.begin() + begin * row, all.begin() + end * row))
          << "tensor " << i << ", rows " << begin << " to " << end;
    }
  }
}

TEST(RowReader, SaysWhatItCannotRead) {
  const auto uneven = RowReader::create({tensor::floats({7}, test_weights(7, 1))}, 3);
  ASSERT_FALSE(uneven.ok());
  EXPECT_THAT(uneven.error().message(), HasSubstr("does not consist of 3 equal rows"));
  const auto whole = RowReader::create({tensor::unreadable(DType::kFloat, {8})}, 4);
  ASSERT_FALSE(whole.ok());
  EXPECT_THAT(whole.error().message(), HasSubstr("ends early"));
  RowReader by_row = RowReader::create({tensor::unreadable(DType::kFloat, {4, 2})}, 4).value();
  const auto rows = by_row.read(0, 1);
  ASSERT_FALSE(rows.ok());
  EXPECT_THAT(rows.error().message(), HasSubstr("ends early"));
}

}  // namespace
}  // namespace lapidary::weights
