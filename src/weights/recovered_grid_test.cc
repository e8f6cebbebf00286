// Grids of stored bfloat16 weights as tensors; the recovery itself is tested in quant/.
#include "weights/recovered_grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/float_types.h"
#include "tensor/expressions.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kN = 9;
constexpr int64_t kK = 80;  // the last block of a row is short

// Values of a grid whose rows have their own steps, as bfloat16.
std::vector<float> on_a_grid() {
  std::mt19937 random(1);
  std::vector<float> out;
  for (int64_t n = 0; n < kN; ++n) {
    for (int64_t k = 0; k < kK; ++k) {
      const float step = 0.003F * static_cast<float>(1 + n + k / 32);
      const int code = static_cast<int>(random() % 16) - 8;
      const float value = static_cast<float>(code) * (n % 2 == 0 ? step : -step);
      out.push_back(bfloat16_to_float(float_to_bfloat16(value)));
    }
  }
  return out;
}

Tensor stored(const std::vector<float>& values) {
  return tensor::cast(tensor::floats({kN, kK}, values), DType::kBfloat16);
}

std::vector<float> rounded_to_bfloat16(std::vector<float> values) {
  for (float& v : values) v = bfloat16_to_float(float_to_bfloat16(v)) + 0.0F;
  return values;
}

TEST(RecoveredGrid, ItsValuesAreTheStoredOnes) {
  const std::vector<float> values = on_a_grid();
  const auto share = std::make_shared<RecoveredShare>();
  const Tensor w = recovered_grid(stored(values), "w", true, share);
  EXPECT_EQ(w.dtype(), DType::kBfloat16);
  EXPECT_EQ(w.to_floats().value(), values);
  EXPECT_EQ(share->blocks, 0) << "nothing is recovered before somebody asks for codes";
  const auto grid = tensor::grid_of(tensor::cast(w, DType::kFloat));
  ASSERT_TRUE(grid.has_value());
  EXPECT_TRUE(grid->symmetric());
  EXPECT_EQ(rounded_to_bfloat16(tensor::on_grid(*grid).to_floats().value()), values);
  EXPECT_EQ(share->blocks, kN * 3);
  EXPECT_EQ(share->recovered, kN * 3);
}

// Catches rows that are written where other rows belong when some of them are read.
TEST(RecoveredGrid, RowsCanBeReadOneByOne) {
  const std::vector<float> values = on_a_grid();
  const auto grid = tensor::grid_of(
      recovered_grid(stored(values), "w", true, std::make_shared<RecoveredShare>()));
  const std::vector<int64_t> all = grid->codes.to_integers().value();
  std::vector<std::byte> row(size_t{kK});
  std::vector<std::span<std::byte>> outs = {row, {}};
  ASSERT_TRUE(grid->codes.producer()->read_tiles(4, 5, outs).ok());
  for (size_t i = 0; i < row.size(); ++i) {
    EXPECT_EQ(std::to_integer<int64_t>(row[i]), all[size_t{4 * kK} + i]) << i;
  }
}

TEST(RecoveredGrid, BlocksOffTheGridAreRoundedAndCounted) {
  std::vector<float> values = on_a_grid();
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0, 0.02F);
  for (size_t k = 32; k < 64; ++k) {
    values[size_t{3 * kK} + k] = bfloat16_to_float(float_to_bfloat16(normal(random)));
  }
  const auto share = std::make_shared<RecoveredShare>();
  const auto grid = tensor::grid_of(recovered_grid(stored(values), "w", false, share));
  const std::vector<float> made = rounded_to_bfloat16(tensor::on_grid(*grid).to_floats().value());
  EXPECT_EQ(share->blocks - share->recovered, 1);
  for (size_t i = 0; i < values.size(); ++i) {
    const bool off = i / size_t{kK} == 3 && i % size_t{kK} / 32 == 1;
    EXPECT_NEAR(made[i], values[i], off ? 0.005 : 0) << i;
  }
  const auto required = tensor::grid_of(recovered_grid(stored(values), "the.weight", true, share));
  const auto read = required->codes.producer()->outputs().size();
  EXPECT_EQ(read, 2U);
  std::vector<std::byte> codes(size_t{kN * kK});
  std::vector<std::span<std::byte>> outs = {codes, {}};
  Status status = required->codes.producer()->read_tiles(0, kN, outs);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(),
              AllOf(HasSubstr("'the.weight', row 3, block 1"), HasSubstr("--require-grid")));
}

TEST(RecoveredGrid, SamplesDecide) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.02F);
  std::vector<uint16_t> gridded;
  std::vector<uint16_t> ordinary;
  for (const float v : on_a_grid()) {
    gridded.push_back(float_to_bfloat16(v));
    ordinary.push_back(float_to_bfloat16(normal(random)));
  }
  EXPECT_TRUE(looks_gridded(gridded, kK));
  EXPECT_FALSE(looks_gridded(ordinary, kK));
  EXPECT_FALSE(looks_gridded(std::vector<uint16_t>(64), 32)) << "zeros say nothing";
}

}  // namespace
}  // namespace lapidary::weights
