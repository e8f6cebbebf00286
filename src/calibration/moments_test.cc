#include "calibration/moments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>

#include "graph/builder.h"
#include "tensor/expressions.h"

namespace lapidary::calibration {
namespace {

using ::testing::HasSubstr;

std::vector<float> noise(size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.5F, 2);
  std::vector<float> out(count);
  for (float& each : out) each = normal(engine);
  return out;
}

// Sums of products in double, by the definition, against each block's [width, width].
void expect_moments(const quant::BlockMoments& moments, const std::vector<float>& rows) {
  const int64_t channels = moments.channels;
  const int64_t count = static_cast<int64_t>(rows.size()) / channels;
  EXPECT_EQ(moments.rows, count);
  for (int64_t b = 0; b < moments.blocks(); ++b) {
    const int64_t first = b * moments.block_size;
    const int64_t width = moments.width(b);
    const auto block = moments.block(b);
    ASSERT_EQ(static_cast<int64_t>(block.size()), width * width);
    for (int64_t i = 0; i < width; ++i) {
      for (int64_t j = 0; j < width; ++j) {
        double expected = 0;
        double magnitude = 0;
        for (int64_t r = 0; r < count; ++r) {
          const double product =
              static_cast<double>(rows[static_cast<size_t>(r * channels + first + i)]) *
              static_cast<double>(rows[static_cast<size_t>(r * channels + first + j)]);
          expected += product;
          magnitude += std::abs(product);
        }
        ASSERT_NEAR(static_cast<double>(block[static_cast<size_t>(i * width + j)]), expected,
                    1e-6 * magnitude)
            << "block " << b << " [" << i << ", " << j << "]";
      }
    }
  }
}

// Blocks that divide the channels, a narrow last one, one larger than all; counts of rows that do
// and do not divide by four.
TEST(MomentCollector, SumsAreThoseOfTheDefinition) {
  for (const int64_t block : {int64_t{4}, int64_t{5}, int64_t{1}, int64_t{128}}) {
    constexpr int64_t kChannels = 12;
    MomentCollector collector(block);
    const std::vector<float> all = noise(static_cast<size_t>(12 * kChannels), 7);
    const std::span<const float> values(all);
    const std::vector<int64_t> matrix = {7, kChannels};
    const std::vector<int64_t> cube = {1, 5, 1, kChannels};
    ASSERT_TRUE(collector.add({values.first(7 * kChannels), matrix}).ok());
    ASSERT_TRUE(collector.add({values.subspan(7 * kChannels), cube}).ok());
    const auto moments = collector.take();
    ASSERT_TRUE(moments.ok()) << moments.error().message();
    EXPECT_EQ(moments->channels, kChannels);
    expect_moments(*moments, all);
  }
}

TEST(MomentCollector, BadValuesAreErrors) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> pairs = {3, 2};
  const std::vector<int64_t> triples = {2, 3};
  MomentCollector collector(2);
  EXPECT_FALSE(collector.add({std::span(values).first(1), {}}).ok()) << "a scalar";
  ASSERT_TRUE(collector.add({values, pairs}).ok());
  const Status other = collector.add({values, triples});
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message(), HasSubstr("3 channels"));
  EXPECT_FALSE(MomentCollector(2).take().ok()) << "no sample";
  MomentCollector infinite(2);
  const std::vector<float> bad = {1, std::numeric_limits<float>::infinity()};
  const std::vector<int64_t> row = {1, 2};
  ASSERT_TRUE(infinite.add({bad, row}).ok());
  EXPECT_FALSE(infinite.take().ok());
}

// x [n, 3], y = x + x. Two samples of different lengths.
class Rows final : public SampleSource {
 public:
  explicit Rows(std::vector<std::vector<float>> samples) : samples_(std::move(samples)) {}
  Result<std::optional<std::vector<ort::HostTensor>>> next() override {
    if (at_ == samples_.size()) return std::optional<std::vector<ort::HostTensor>>{};
    const std::vector<float>& values = samples_[at_++];
    ort::HostTensor x{"x", DType::kFloat, {static_cast<int64_t>(values.size() / 3), 3}};
    x.data.resize(values.size() * sizeof(float));
    std::memcpy(x.data.data(), values.data(), x.data.size());
    return std::optional(std::vector<ort::HostTensor>{std::move(x)});
  }
  Status rewind() override {
    at_ = 0;
    return {};
  }

 private:
  std::vector<std::vector<float>> samples_;
  size_t at_ = 0;
};

TEST(CollectMoments, OfInputsAndOfWhatTheGraphComputes) {
  const auto folder =
      std::filesystem::path(testing::TempDir()) / ("moments_test_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  graph::Builder b("model");
  const graph::Ref x = b.input("x", DType::kFloat, {"n", int64_t{3}});
  b.output("y", b.op("Add", {x, x}, "twice"), DType::kFloat, {"n", int64_t{3}});
  const graph::Graph graph = std::move(b).finish();
  const std::vector<float> first = noise(15, 1);
  const std::vector<float> second = noise(6, 2);
  Rows samples({first, second});
  const RunOptions options{.scratch = folder, .work = {.threads = 1}};
  const auto moments = collect_moments(graph, {"x", "y"}, 2, samples, options);
  ASSERT_TRUE(moments.ok()) << moments.error().message();
  std::vector<float> all = first;
  all.insert(all.end(), second.begin(), second.end());
  expect_moments(moments->at("x"), all);
  for (float& each : all) each *= 2;
  expect_moments(moments->at("y"), all);
  EXPECT_FALSE(collect_moments(graph, {"nobody"}, 2, samples, options).ok());
  EXPECT_FALSE(collect_moments(graph, {"x"}, 0, samples, options).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder)) << "files were left behind";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lapidary::calibration
