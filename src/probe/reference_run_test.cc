// A graph run some nodes at a time gives what it gives whole.
#include "probe/reference_run.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <string>

#include "base/testing/recording_sink.h"
#include "graph/builder.h"
#include "graph/onnx_writer.h"
#include "tensor/expressions.h"

namespace lapidary::probe {
namespace {

using graph::Graph;
using graph::Ref;

constexpr int kSteps = 100;  // several sessions

// x_i+1 = Tanh(x_i + w) with a dequantized w that all read; y = x_100 + x_1, and x_50 is an output
// as well. On demand, codes of 4 bits lie between two nodes now and then: no session can hand
// those to the next.
Graph chain(bool codes_of_4_bits) {
  graph::Builder b("chain");
  const Ref x = b.input("x", DType::kFloat, {int64_t{2}, int64_t{8}});
  const Ref scale = b.weight("scale", tensor::floats({}, {0.125F}));
  const Ref zero = b.weight("zero", tensor::literal({DType::kInt4, {}}, {std::byte{0}}));
  const Ref w = b.op(
      "DequantizeLinear",
      {b.weight("w", tensor::literal({DType::kInt8, {8}}, std::vector<std::byte>(8, std::byte{3}))),
       scale});
  Ref at = b.op("Tanh", {b.op("Add", {x, w})});
  const Ref first = at;
  Ref middle;
  for (int i = 1; i < kSteps; ++i) {
    at = b.op("Tanh", {b.op("Add", {at, w})});
    if (codes_of_4_bits && i % 5 == 0) {
      const Ref codes = b.op("QuantizeLinear", {at, scale, zero});
      at = b.op("Add", {at, b.op("DequantizeLinear", {codes, scale, zero})});
    }
    if (i == kSteps / 2) middle = at;
  }
  const Ref y = b.op("Add", {at, first});
  b.output("middle", middle, DType::kFloat, {int64_t{2}, int64_t{8}});
  b.output("y", y, DType::kFloat, {int64_t{2}, int64_t{8}});
  return std::move(b).finish();
}

class ReferenceRunTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / fmt::format("reference_run_{}", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::vector<ort::HostTensor> whole(const Graph& graph) const {
    const auto saved = graph::save(graph, folder_ / "whole.onnx", {});
    EXPECT_TRUE(saved.ok());
    ort::SessionOptions options;
    options.optimization = ort::Optimization::kNone;
    const auto session = ort::Session::open(saved->files[0], options);
    EXPECT_TRUE(session.ok());
    return session->run(*seeded_inputs(graph, 1)).value();
  }

  std::filesystem::path folder_;
};

// Catches values that are dropped before their last reader, or belong to another node.
TEST_F(ReferenceRunTest, OutputsAreThoseOfTheWholeGraph) {
  const Graph graph = chain(true);
  RecordingSink progress;
  const auto run =
      run_reference(graph, *seeded_inputs(graph, 1), folder_, {.work = {.progress = &progress}});
  ASSERT_TRUE(run.ok()) << run.error().message();
  const auto expected = whole(graph);
  ASSERT_EQ(run->outputs.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(run->outputs[i].name, expected[i].name);
    EXPECT_EQ(run->outputs[i].data, expected[i].data);
  }
  for (const auto& stage : progress.stages) EXPECT_EQ(stage.unit, Unit::kNodes);
  EXPECT_EQ(progress.last().total, graph.nodes.size());
  EXPECT_EQ(progress.done(), graph.nodes.size());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "reference.onnx"));
}

TEST_F(ReferenceRunTest, EveryValueIsSeenOnce) {
  const Graph graph = chain(false);
  std::map<std::string, int> seen;
  const auto run =
      run_reference(graph, *seeded_inputs(graph, 1), folder_,
                    {.see = [&seen](const ort::HostTensor& tensor) { ++seen[tensor.name]; }});
  ASSERT_TRUE(run.ok()) << run.error().message();
  size_t values = 0;
  for (const graph::Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      EXPECT_EQ(seen[output], 1) << output;
      ++values;
    }
  }
  EXPECT_EQ(seen.size(), values);
}

TEST_F(ReferenceRunTest, StopsWhenTold) {
  const Graph graph = chain(true);
  CancelToken cancel;
  cancel.cancel();
  const auto run =
      run_reference(graph, *seeded_inputs(graph, 1), folder_, {.work = {.cancel = &cancel}});
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace lapidary::probe
