// A conversion's files in place of former ones: at every moment a model with its own data.
#include "build/conversion_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/test_files.h"
#include "graph/builder.h"
#include "graph/onnx_reader.h"
#include "tensor/expressions.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// So many equal numbers; more than 256 go to a file of data.
graph::Graph numbers(float value, int64_t count = 4096) {
  const tensor::Tensor values =
      tensor::floats({count}, std::vector<float>(static_cast<size_t>(count), value));
  graph::Builder builder("numbers");
  builder.output("y", builder.op("Identity", {builder.weight("numbers", values)}), values.dtype(),
                 {count});
  return std::move(builder).finish();
}

class ConversionOutputTest : public ::testing::Test {
 protected:
  std::vector<fs::path> convert(const graph::Graph& graph) {
    auto place = ConversionOutput::open(output_);
    if (!place.ok()) return {place.error().message()};
    const auto saved = graph::save(graph, place->model(), {});
    if (!saved.ok()) return {saved.error().message()};
    const auto files = place->publish(graph, *saved, {});
    return files.ok() ? *files : std::vector<fs::path>{files.error().message()};
  }
  // What the model at the output says; NaN when it cannot be read.
  float value() const {
    const auto graph = graph::load(output_);
    if (!graph.ok() || graph->initializers.empty()) return std::numeric_limits<float>::quiet_NaN();
    const auto bytes = graph->initializers.begin()->second.materialize();
    float out = std::numeric_limits<float>::quiet_NaN();
    if (bytes.ok() && bytes->size() >= sizeof(out)) std::memcpy(&out, bytes->data(), sizeof(out));
    return out;
  }
  // As a process leaves it that is killed when the model has the output's name, and its data not
  // yet theirs.
  void leave_half_done(float value, const std::string& data) {
    const graph::Graph graph = numbers(value);
    const fs::path other = dir_.path() / "other.onnx";
    ASSERT_TRUE(graph::save(graph, other, {}).ok());
    fs::rename(other.string() + ".data", dir_.path() / data);
    ASSERT_TRUE(graph::save_model(graph, other, data).ok());
    fs::rename(other, output_);
  }

  checkpoint::TempDir dir_;
  fs::path output_ = dir_.path() / "out.onnx";
};

TEST_F(ConversionOutputTest, ReplacesAModelAndItsData) {
  const std::vector<fs::path> both = {output_, output_.string() + ".data"};
  EXPECT_EQ(convert(numbers(1)), both);
  const std::string first = checkpoint::read_file(output_);
  EXPECT_EQ(convert(numbers(2)), both);
  EXPECT_EQ(value(), 2.0f);
  EXPECT_THAT(dir_.names(), ElementsAre("out.onnx", "out.onnx.data"));
  // The detour does not show.
  EXPECT_EQ(convert(numbers(1)), both);
  EXPECT_EQ(checkpoint::read_file(output_), first);
}

TEST_F(ConversionOutputTest, ReplacesAModelOfAnotherKind) {
  convert(numbers(1));
  EXPECT_EQ(convert(numbers(2, 8)), std::vector<fs::path>{output_});
  EXPECT_EQ(value(), 2.0f);
  EXPECT_THAT(dir_.names(), ElementsAre("out.onnx"));
  convert(numbers(3));
  EXPECT_EQ(value(), 3.0f);
  EXPECT_THAT(dir_.names(), ElementsAre("out.onnx", "out.onnx.data"));
}

// The data that the model at the output uses are not written over, whichever name they have.
TEST_F(ConversionOutputTest, GoesOnFromWhatAKilledOneLeft) {
  for (const char* data : {"out.onnx.lapidary-0.data", "out.onnx.lapidary-1.data"}) {
    convert(numbers(1));
    leave_half_done(2, data);
    fs::create_directory(output_.string() + ".partial");
    dir_.write("out.onnx.partial/out.onnx", std::string("half"));
    {
      // Killed before it has published: what is there is whole.
      const auto place = ConversionOutput::open(output_);
      ASSERT_TRUE(place.ok()) << place.error().message();
      EXPECT_EQ(value(), 2.0f);
    }
    convert(numbers(3));
    EXPECT_EQ(value(), 3.0f);
    EXPECT_THAT(dir_.names(), ElementsAre("out.onnx", "out.onnx.data"));
  }
}

TEST_F(ConversionOutputTest, OneConversionAtATime) {
  const auto one = ConversionOutput::open(output_);
  ASSERT_TRUE(one.ok()) << one.error().message();
  const auto two = ConversionOutput::open(output_);
  ASSERT_FALSE(two.ok());
  EXPECT_THAT(two.error().message(), HasSubstr("another conversion is writing this file"));
  EXPECT_TRUE(fs::exists(one->model().parent_path()));
}

TEST_F(ConversionOutputTest, WhatIsNotOursIsNotTouched) {
  const fs::path folder = output_.string() + ".partial";
  dir_.write("precious", std::string("years of work"));
  fs::create_directory_symlink(dir_.path(), folder);
  EXPECT_FALSE(ConversionOutput::open(output_).ok());
  EXPECT_TRUE(fs::is_symlink(folder));
  fs::remove(folder);
  fs::create_directory(folder);
  dir_.write("out.onnx.partial/thesis.txt", std::string("years of work"));
  EXPECT_FALSE(ConversionOutput::open(output_).ok());
  EXPECT_TRUE(fs::exists(folder / "thesis.txt"));
  EXPECT_THAT(dir_.names(), ElementsAre("out.onnx.partial", "precious"));
}

}  // namespace
}  // namespace lapidary::build
