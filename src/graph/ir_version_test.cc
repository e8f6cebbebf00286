// The IR version that a file declares: its own, but for what needs more.
#include "graph/ir_version.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "graph/builder.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "graph/testing/bodies.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

namespace fs = std::filesystem;

Graph model(int64_t version) {
  Builder b("g", 17);
  const Ref x = b.input("x", DType::kFloat, {int64_t{2}});
  b.output("y", b.op("Relu", {x}), DType::kFloat, {int64_t{2}});
  Graph graph = std::move(b).finish();
  graph.ir_version = version;
  return graph;
}

int64_t written(const Graph& graph) {
  const fs::path folder =
      fs::path(testing::TempDir()) / ("ir_version_test_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const auto saved = save(graph, folder / "model.onnx", {});
  EXPECT_TRUE(saved.ok()) << saved.error().message();
  const auto loaded = load(folder / "model.onnx");
  EXPECT_TRUE(loaded.ok()) << loaded.error().message();
  fs::remove_all(folder);
  return loaded.ok() ? loaded->ir_version : -1;
}

TEST(IrVersion, GraphsMadeHereHaveOursAndOthersKeepTheirs) {
  EXPECT_EQ(written(model(0)), 11);
  for (const int64_t version : {3, 7, 8, 10, 12, 13}) EXPECT_EQ(written(model(version)), version);
}

// Would catch a file whose declared version has no word for what it holds.
TEST(IrVersion, ContentRaisesIt) {
  Graph constant = model(3);
  constant.initializers["w"] = tensor::floats({1}, {1});
  EXPECT_EQ(written(constant), 4);
  Graph codes = model(8);
  codes.initializers["q"] = tensor::literal({DType::kInt4, {2}}, {std::byte{0x21}});
  EXPECT_EQ(written(codes), 10);
  codes.ir_version = 12;
  EXPECT_EQ(written(codes), 12);
  Graph function = model(7);
  function.functions = {function_of("my", "F", 17, {{"Relu", {"a"}, "b"}})};
  EXPECT_EQ(written(function), 8);
}

// Source: the table of releases in ONNX's docs/Versioning.md.
TEST(IrVersion, OpsetsHaveThatOfTheirRelease) {
  const std::vector<std::pair<int64_t, int64_t>> releases = {
      {8, 3},  {9, 4},  {10, 5},  {11, 6},  {12, 7},  {14, 7},  {15, 8}, {18, 8},
      {19, 9}, {20, 9}, {21, 10}, {22, 10}, {23, 11}, {24, 12}, {25, 13}};
  for (const auto& [opset, version] : releases) {
    EXPECT_EQ(ir_version_of_opset(opset), version) << opset;
  }
  Graph graph = model(0);
  raise_ir_version(graph, 12);
  EXPECT_EQ(graph.ir_version, 0);
  graph.ir_version = 8;
  raise_ir_version(graph, 10);
  raise_ir_version(graph, 9);
  EXPECT_EQ(graph.ir_version, 10);
}

}  // namespace
}  // namespace lapidary::graph
