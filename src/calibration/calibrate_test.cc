#include "calibration/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <map>

#include "base/testing/recording_sink.h"
#include "graph/builder.h"
#include "tensor/expressions.h"

namespace lapidary::calibration {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Ref;
using ::testing::HasSubstr;

// y = (x W + 1) squared, of any number of rows.
Graph model() {
  Builder b("model");
  const Ref x = b.input("x", DType::kFloat, {"n", int64_t{2}});
  const Ref w = b.weight("w", tensor::floats({2, 2}, {1, 0, 0, -2}));
  const Ref product = b.op("MatMul", {x, w}, "linear");
  const Ref sum = b.op("Add", {product, b.constant_scalar(1.0F)}, "bias");
  b.output("y", b.op("Mul", {sum, sum}, "square"), DType::kFloat, {"n", int64_t{2}});
  return std::move(b).finish();
}

class Samples final : public SampleSource {
 public:
  explicit Samples(std::vector<std::vector<float>> rows) : rows_(std::move(rows)) {}

  Result<std::optional<std::vector<ort::HostTensor>>> next() override {
    if (at_ == rows_.size()) return std::optional<std::vector<ort::HostTensor>>{};
    const std::vector<float>& row = rows_[at_++];
    ++served;
    ort::HostTensor x{"x", DType::kFloat, {static_cast<int64_t>(row.size()) / 2, 2}};
    x.data.resize(row.size() * sizeof(float));
    std::memcpy(x.data.data(), row.data(), x.data.size());
    std::vector<ort::HostTensor> inputs;
    inputs.push_back(std::move(x));
    return std::optional(std::move(inputs));
  }
  Status rewind() override {
    at_ = 0;
    return {};
  }

  int64_t count() const override { return static_cast<int64_t>(rows_.size()); }

  int served = 0;

 private:
  std::vector<std::vector<float>> rows_;
  size_t at_ = 0;
};

class Calibrate : public testing::Test {
 protected:
  void SetUp() override {
    options_.scratch =
        std::filesystem::path(testing::TempDir()) / ("calibrate_test_" + std::to_string(getpid()));
    options_.work.threads = 1;
    std::filesystem::create_directories(options_.scratch);
  }
  void TearDown() override {
    EXPECT_TRUE(std::filesystem::is_empty(options_.scratch)) << "files were left behind";
    std::filesystem::remove_all(options_.scratch);
  }

  RunOptions options_;
  CollectorOptions collector_;
  const std::vector<std::string> all_ = {"x", "linear/MatMul", "bias/Add", "y"};
};

// Samples of different lengths, inputs and outputs among the values.
TEST_F(Calibrate, RangesAreThoseOfAllSamples) {
  Samples samples({{1, 2}, {-3, 0, 0.5F, 4}});
  const auto ranges = calibrate(model(), all_, samples, collector_, options_);
  ASSERT_TRUE(ranges.ok()) << ranges.error().message();
  EXPECT_EQ(*ranges->find("x"), (quant::Range{-3, 4}));
  EXPECT_EQ(*ranges->find("linear/MatMul"), (quant::Range{-8, 1}));
  EXPECT_EQ(*ranges->find("bias/Add"), (quant::Range{-7, 2}));
  EXPECT_EQ(*ranges->find("y"), (quant::Range{1, 49})) << ranges->to_json().dump();
  EXPECT_EQ(ranges->all().size(), 4U);
  EXPECT_EQ(samples.served, 2) << "samples pass by once";
}

// However small the parts: nothing is lost between them, whatever the samples' lengths, and the
// next part gets what belongs to its sample.
TEST_F(Calibrate, PartsGiveTheRangesOfTheWhole) {
  RecordingSink sink;
  options_.work.progress = &sink;
  options_.part_bytes = 1;
  Samples samples({{1, 2}, {-3, 0, 0.5F, 4}, {0, 0}});
  const auto ranges = calibrate(model(), all_, samples, collector_, options_);
  ASSERT_TRUE(ranges.ok()) << ranges.error().message();
  EXPECT_EQ(*ranges->find("x"), (quant::Range{-3, 4}));
  EXPECT_EQ(*ranges->find("linear/MatMul"), (quant::Range{-8, 1}));
  EXPECT_EQ(*ranges->find("bias/Add"), (quant::Range{-7, 2}));
  EXPECT_EQ(*ranges->find("y"), (quant::Range{1, 49}));
  EXPECT_GT(samples.served, 3) << "it ran as a whole";
  EXPECT_EQ(samples.served % 3, 0) << "a part saw other samples than the rest";
}

// Whichever values are wanted, each is the same; what they do not need is not computed.
TEST_F(Calibrate, AnyChoiceOfValues) {
  const std::map<std::string, quant::Range> expected = {
      {"x", {-3, 4}}, {"linear/MatMul", {-8, 1}}, {"bias/Add", {-7, 2}}, {"y", {1, 49}}};
  for (unsigned chosen = 1; chosen < 16; ++chosen) {
    std::vector<std::string> values;
    for (unsigned i = 0; i < 4; ++i) {
      if ((chosen >> i & 1U) != 0) values.push_back(all_[i]);
    }
    for (const int64_t part_bytes : {kPartBytes, int64_t{1}}) {
      options_.part_bytes = part_bytes;
      Samples samples({{1, 2}, {-3, 0, 0.5F, 4}});
      const auto ranges = calibrate(model(), values, samples, collector_, options_);
      ASSERT_TRUE(ranges.ok()) << ranges.error().message();
      ASSERT_EQ(ranges->all().size(), values.size());
      for (const auto& value : values) EXPECT_EQ(*ranges->find(value), expected.at(value)) << value;
    }
  }
  Samples overflowing({{1e38F, 1e38F}});
  EXPECT_TRUE(calibrate(model(), {"bias/Add"}, overflowing, collector_, options_).ok())
      << "y was computed";
}

TEST_F(Calibrate, ProgressIsToldOfSamples) {
  RecordingSink sink;
  options_.work.progress = &sink;
  Samples samples({{1, 2}, {3, 4}, {5, 6}});
  ASSERT_TRUE(calibrate(model(), all_, samples, collector_, options_).ok());
  EXPECT_EQ(sink.last().total, 3U);
  EXPECT_EQ(sink.done(), 3U);
  EXPECT_EQ(sink.last().unit, Unit::kSamples) << "samples shown as bytes";
}

TEST_F(Calibrate, ValueThatIsNotFiniteIsAnErrorThatNamesIt) {
  Samples samples({{1e38F, 1e38F}});
  const auto ranges = calibrate(model(), all_, samples, collector_, options_);
  ASSERT_FALSE(ranges.ok());
  EXPECT_THAT(ranges.error().message(), HasSubstr("'y'"));
}

TEST_F(Calibrate, BadArgumentsAreErrors) {
  Samples samples({{1, 2}});
  const auto unknown = calibrate(model(), {"nobody"}, samples, collector_, options_);
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().message(), HasSubstr("nobody"));
  EXPECT_FALSE(calibrate(model(), {"x", "x"}, samples, collector_, options_).ok());
  Samples none({});
  EXPECT_FALSE(calibrate(model(), all_, none, collector_, options_).ok());
  collector_.percentile = 0;
  EXPECT_FALSE(calibrate(model(), all_, samples, collector_, options_).ok());
}

TEST_F(Calibrate, NoSamplesAreAnErrorInPartsToo) {
  options_.part_bytes = 1;
  Samples none({});
  EXPECT_FALSE(calibrate(model(), all_, none, collector_, options_).ok());
}

TEST_F(Calibrate, CancelIsHeardBetweenSamples) {
  CancelToken token;
  token.cancel();
  options_.work.cancel = &token;
  Samples samples({{1, 2}});
  const auto ranges = calibrate(model(), all_, samples, collector_, options_);
  ASSERT_FALSE(ranges.ok());
  EXPECT_EQ(ranges.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace lapidary::calibration
