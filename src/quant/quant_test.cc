// Behaviour that Olive's goldens (goldens_test.cc) cannot show: all compilations of the kernels
// agree, the symmetric K-quant, layouts by hand, rows that end inside a block, refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "hwy/targets.h"
#include "quant/block_rows.h"
#include "quant/kquant.h"
#include "quant/rtn.h"

namespace lapidary::quant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Quantized {
  std::vector<uint8_t> codes;
  std::vector<float> scales;
  std::vector<uint8_t> zero_points;

  QuantizedRows out() { return {codes, scales, zero_points}; }
  QuantizedRowsView view() const { return {codes, scales, zero_points}; }
};

Quantized sized(size_t rows, size_t k, const BlockFormat& format) {
  const auto shape = quantized_shape(rows, k, format);
  EXPECT_TRUE(shape.ok());
  return {std::vector<uint8_t>(shape->codes, 0xaa), std::vector<float>(shape->scales, -77.0f),
          std::vector<uint8_t>(shape->zero_points, 0xaa)};
}

using Quantizer = Status (*)(std::span<const float>, size_t, const BlockFormat&,
                             const QuantizedRows&);

Quantized quantize(Quantizer method, const std::vector<float>& rows, size_t k,
                   const BlockFormat& format) {
  Quantized q = sized(rows.size() / k, k, format);
  const Status status = method(rows, k, format, q.out());
  EXPECT_TRUE(status.ok()) << status.error().message();
  return q;
}

std::vector<float> noise(size_t count, uint32_t seed, float scale) {
  std::vector<float> v(count);
  for (float& w : v) {
    int sum = 0;
    for (int i = 0; i < 3; ++i) {
      seed = seed * 1664525u + 1013904223u;
      sum += static_cast<int>(seed >> 20);
    }
    w = static_cast<float>(sum - 6142) * scale;
  }
  return v;
}

double squared_error(const Quantized& q, const std::vector<float>& rows, size_t k,
                     const BlockFormat& format) {
  std::vector<float> back(rows.size());
  EXPECT_TRUE(dequantize_rows(q.view(), k, format, back).ok());
  double sum = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double d = static_cast<double>(back[i]) - static_cast<double>(rows[i]);
    sum += d * d;
  }
  return sum;
}

std::vector<BlockFormat> all_formats() {
  std::vector<BlockFormat> formats;
  for (const int bits : {4, 8}) {
    for (const int block : {16, 32, 64, 128, 256}) {
      for (const bool symmetric : {false, true}) {
        for (const Layout layout : {Layout::kMatMulNBits, Layout::kGatherBlockQuantized}) {
          formats.push_back({bits, block, symmetric, layout});
        }
      }
    }
  }
  return formats;
}

// Makes the kernels use one of kernel_targets() while it lives.
class UseTarget {
 public:
  explicit UseTarget(int64_t target) { hwy::SetSupportedTargetsForTest(target); }
  ~UseTarget() { hwy::SetSupportedTargetsForTest(0); }
  UseTarget(const UseTarget&) = delete;
  UseTarget& operator=(const UseTarget&) = delete;
};

// Rows of 480 with a block of zeros of both signs and one of a single value in each.
std::vector<float> awkward_rows(size_t rows, float magnitude) {
  constexpr size_t kColumns = 480;
  std::vector<float> v = noise(rows * kColumns, 7, magnitude);
  for (size_t i = 0; i < v.size(); ++i) {
    const size_t column = i % kColumns;
    if (column < 64) v[i] = i * 2654435761u % 4096 < 2048 ? 0.0f : -0.0f;
    if (column >= 64 && column < 96) v[i] = magnitude;
  }
  return v;
}

void expect_same_bits(const Quantized& a, const Quantized& b) {
  ASSERT_EQ(a.codes, b.codes);
  ASSERT_EQ(a.zero_points, b.zero_points);
  ASSERT_EQ(std::memcmp(a.scales.data(), b.scales.data(), a.scales.size() * sizeof(float)), 0);
}

// Every machine must write the same package. Would catch a product and a sum that the compiler
// fuses where the instruction set can, a sum whose order follows the width of the vectors, an
// instruction that treats NaN or the sign of a zero in its own way, and codes packed out of order.
// Compares bit patterns, at magnitudes from subnormal to overflowing squares; rows of 480 end
// inside blocks of 64 and more, and 35 of them leave a group that is not full.
TEST(BlockKernels, EveryInstructionSetGivesTheSameBits) {
  const std::vector<int64_t> targets = kernel_targets();
  ASSERT_FALSE(targets.empty());
  for (const float magnitude : {1e-5f, 1e-42f, 1e-25f, 1e25f, 4e34f}) {
    const std::vector<float> rows = awkward_rows(35, magnitude);
    for (const BlockFormat& format : all_formats()) {
      for (const Quantizer method : {kquant_rows, rtn_rows}) {
        const Quantized reference = [&] {
          const UseTarget use(targets.back());
          return quantize(method, rows, 480, format);
        }();
        for (const int64_t target : targets) {
          SCOPED_TRACE(std::string(hwy::TargetName(target)) + ", " + std::to_string(magnitude) +
                       ", bits " + std::to_string(format.bits) + ", block " +
                       std::to_string(format.block_size));
          const UseTarget use(target);
          expect_same_bits(quantize(method, rows, 480, format), reference);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

// Would catch a kernel that looks at some lanes of a vector only.
TEST(BlockKernels, EveryInstructionSetRefusesNonFiniteWeightsInEveryPlace) {
  for (const int64_t target : kernel_targets()) {
    const UseTarget use(target);
    for (const int block : {16, 256}) {
      const BlockFormat format{.block_size = block};
      const size_t weights = static_cast<size_t>(kGroup * block);
      std::vector<float> x = noise(weights, 5, 1e-3f);
      std::vector<uint8_t> codes(weights / 2), zero_points(kGroup);
      std::vector<float> scales(kGroup);
      for (const GroupKernel kernel : {kquant_group, rtn_group}) {
        ASSERT_TRUE(kernel(x.data(), format, codes.data(), scales.data(), zero_points.data()));
        for (size_t i = 0; i < weights; i += block == 16 ? 1 : 37) {
          for (const float bad :
               {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
            const float good = std::exchange(x[i], bad);
            ASSERT_FALSE(kernel(x.data(), format, codes.data(), scales.data(), zero_points.data()))
                << hwy::TargetName(target) << ", weight " << i;
            x[i] = good;
          }
        }
      }
    }
  }
}

// Blocks are worked on in groups; which group and which lane must not matter. 5 rows of 7 blocks,
// the last one ragged, leave groups that straddle rows and a last group that is not full.
TEST(BlockRows, RowsDoNotInfluenceEachOther) {
  for (const size_t k : {size_t{7 * 16}, size_t{7 * 16 - 4}}) {
    const std::vector<float> rows = noise(5 * k, 3, 1e-4f);
    for (const Quantizer method : {kquant_rows, rtn_rows}) {
      for (BlockFormat format : all_formats()) {
        format.block_size = 16;
        const Quantized all = quantize(method, rows, k, format);
        Quantized joined;
        for (size_t r = 0; r < 5; ++r) {
          const auto first = rows.begin() + static_cast<ptrdiff_t>(r * k);
          const Quantized one =
              quantize(method, {first, first + static_cast<ptrdiff_t>(k)}, k, format);
          joined.codes.insert(joined.codes.end(), one.codes.begin(), one.codes.end());
          joined.scales.insert(joined.scales.end(), one.scales.begin(), one.scales.end());
          joined.zero_points.insert(joined.zero_points.end(), one.zero_points.begin(),
                                    one.zero_points.end());
        }
        ASSERT_EQ(all.codes, joined.codes);
        ASSERT_EQ(all.scales, joined.scales);
        ASSERT_EQ(all.zero_points, joined.zero_points);
      }
    }
  }
}

// Weights that lie on the grid must come back exactly: would catch a wrong zero point, a flipped
// sign of the scale, or swapped nibbles.
TEST(KQuant, SymmetricRecoversWeightsOnTheGrid) {
  std::vector<float> row(32);
  for (size_t i = 0; i < 32; ++i) row[i] = 0.5f * static_cast<float>(static_cast<int>(i % 16) - 8);
  const BlockFormat format{.bits = 4, .block_size = 32, .symmetric = true};
  const Quantized q = quantize(kquant_rows, row, 32, format);
  EXPECT_THAT(q.scales, ElementsAre(0.5f));
  EXPECT_THAT(q.zero_points, ElementsAre());
  EXPECT_EQ(q.codes[0], 0x10);  // codes 0 and 1
  EXPECT_EQ(q.codes[7], 0xfe);
  EXPECT_EQ(squared_error(q, row, 32, format), 0.0);
}

// What the search gains over RTN on bell-shaped weights: the symmetric form clearly; Olive's form,
// which rounds its fitted minimum to a zero point at the end, stays near it (see kquant.h).
TEST(KQuant, ErrorNextToRoundToNearest) {
  const std::vector<float> rows = noise(64 * 512, 11, 1e-5f);
  for (const bool symmetric : {false, true}) {
    for (const int block : {16, 32, 128}) {
      const BlockFormat format{.bits = 4, .block_size = block, .symmetric = symmetric};
      const double searched =
          squared_error(quantize(kquant_rows, rows, 512, format), rows, 512, format);
      const double nearest =
          squared_error(quantize(rtn_rows, rows, 512, format), rows, 512, format);
      EXPECT_LT(searched, (symmetric ? 0.95 : 1.1) * nearest) << symmetric << ", block " << block;
    }
  }
}

TEST(KQuant, SymmetricZeroBlockIsZero) {
  const std::vector<float> row(64, 0.0f);
  const BlockFormat format{.bits = 4, .block_size = 32, .symmetric = true};
  const Quantized q = quantize(kquant_rows, row, 64, format);
  EXPECT_EQ(squared_error(q, row, 64, format), 0.0);
  EXPECT_THAT(q.scales, ElementsAre(1.0f, 1.0f));
}

// scale, zero point and codes worked out by hand: range [-2, 5.5], step 0.5, zero point 4.
TEST(Rtn, AsymmetricByHand) {
  std::vector<float> row(16, 0.0f);
  row[0] = -2.0f;
  row[1] = 5.5f;
  row[2] = 1.0f;
  row[3] = 0.75f;  // 5.5 steps: away from zero for MatMulNBits, to even for the table
  row[4] = 0.25f;  // 4.5 steps: 5 and 4
  BlockFormat format{.bits = 4, .block_size = 16};
  Quantized q = quantize(rtn_rows, row, 16, format);
  EXPECT_THAT(q.codes, ElementsAre(0xf0, 0x66, 0x45, 0x44, 0x44, 0x44, 0x44, 0x44));
  EXPECT_THAT(q.scales, ElementsAre(0.5f));
  EXPECT_THAT(q.zero_points, ElementsAre(0x84));  // the unused nibble holds the middle code
  format.layout = Layout::kGatherBlockQuantized;
  q = quantize(rtn_rows, row, 16, format);
  EXPECT_THAT(q.codes, ElementsAre(0xf0, 0x66, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44));
  EXPECT_THAT(q.zero_points, ElementsAre(0x04));
}

// A row of 21: MatMulNBits stores whole blocks with zeros behind the row, the table stores 11 bytes
// whose last nibble is empty.
TEST(Rtn, RowsThatEndInsideABlock) {
  const std::vector<float> rows = noise(2 * 21, 5, 1e-3f);
  BlockFormat format{.bits = 4, .block_size = 16, .symmetric = true};
  const Quantized blob = quantize(rtn_rows, rows, 21, format);
  ASSERT_EQ(blob.codes.size(), 2u * 16);
  for (size_t i = 11; i < 16; ++i) EXPECT_EQ(blob.codes[i], 0) << i;
  EXPECT_EQ(blob.codes[10] >> 4, 0);
  format.layout = Layout::kGatherBlockQuantized;
  const Quantized table = quantize(rtn_rows, rows, 21, format);
  ASSERT_EQ(table.codes.size(), 2u * 11);
  EXPECT_EQ(table.codes[10] >> 4, 0);
  EXPECT_EQ(table.codes[21] >> 4, 0);
  EXPECT_EQ(table.scales, blob.scales);
  // Half a step at most is lost, but for the one weight that a symmetric range cannot hold.
  std::vector<float> back(rows.size());
  ASSERT_TRUE(dequantize_rows(table.view(), 21, format, back).ok());
  for (size_t i = 0; i < rows.size(); ++i) {
    const float step = std::fabs(table.scales[i / 21 * 2 + i % 21 / 16]);
    EXPECT_LE(std::fabs(back[i] - rows[i]), 1.001f * step) << i;
  }
}

// A table and a language-model head may share their bytes only if this holds.
TEST(KQuant, LayoutsShareBytesWhenKIsAMultipleOfTheBlock) {
  const std::vector<float> rows = noise(3 * 96, 9, 1e-3f);
  BlockFormat format{.bits = 4, .block_size = 32};
  const Quantized blob = quantize(kquant_rows, rows, 96, format);
  format.layout = Layout::kGatherBlockQuantized;
  const Quantized table = quantize(kquant_rows, rows, 96, format);
  EXPECT_EQ(blob.codes, table.codes);
  EXPECT_EQ(blob.scales, table.scales);
  EXPECT_EQ(blob.zero_points[1] >> 4, 8);
  EXPECT_EQ(table.zero_points[1] >> 4, 0);
}

TEST(Errors, NonFiniteWeightIsNamedByRowAndColumn) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    for (const Quantizer method : {kquant_rows, rtn_rows}) {
      std::vector<float> rows = noise(3 * 160, 1, 1e-3f);
      rows[2 * 160 + 37] = bad;
      const BlockFormat format;
      Quantized q = sized(3, 160, format);
      const Status status = method(rows, 160, format, q.out());
      ASSERT_FALSE(status.ok());
      EXPECT_THAT(status.error().message(), HasSubstr("row 2, column 37"));
    }
  }
}

TEST(Errors, FormatsAndSizesAreChecked) {
  const std::vector<float> rows(64, 1.0f);
  for (const BlockFormat format : {BlockFormat{.bits = 3}, BlockFormat{.block_size = 8},
                                   BlockFormat{.block_size = 48}, BlockFormat{.block_size = 512}}) {
    EXPECT_FALSE(validate(format).ok());
    EXPECT_FALSE(kquant_rows(rows, 32, format, {}).ok());
    EXPECT_FALSE(rtn_rows(rows, 32, format, {}).ok());
  }
  const BlockFormat format;
  EXPECT_FALSE(quantized_shape(1, 0, format).ok());
  Quantized q = sized(2, 32, format);
  EXPECT_TRUE(kquant_rows(rows, 32, format, q.out()).ok());
  EXPECT_FALSE(kquant_rows(rows, 48, format, q.out()).ok()) << "64 weights are no rows of 48";
  EXPECT_FALSE(kquant_rows(rows, 0, format, q.out()).ok());
  q.codes.pop_back();
  EXPECT_FALSE(kquant_rows(rows, 32, format, q.out()).ok()) << "one byte short";
  std::vector<float> back(64);
  EXPECT_FALSE(dequantize_rows(q.view(), 32, format, back).ok());
}

}  // namespace
}  // namespace lapidary::quant
