// Data of tensors as they come out of the file again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "graph/graph.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

namespace fs = std::filesystem;

// Codes of the shape, written beside the model and read back.
void expect_same(const tensor::Shape& shape) {
  const tensor::TensorType type{DType::kInt4, shape};
  std::vector<std::byte> bytes(static_cast<size_t>(type.bytes()));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37 % 251);
  Graph graph;
  graph.name = "codes";
  graph.opsets = {{"", 23}};
  graph.initializers["codes"] = tensor::literal(type, bytes);
  graph.outputs = {{"codes", type.dtype, {shape.begin(), shape.end()}}};
  const fs::path file =
      fs::path(testing::TempDir()) / ("codes_" + std::to_string(getpid())) / "model.onnx";
  fs::create_directories(file.parent_path());
  const auto saved = save(graph, file, {});
  ASSERT_TRUE(saved.ok()) << saved.error().message();
  const auto loaded = load(file);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(*loaded->initializers.at("codes").materialize(), bytes);
  fs::remove_all(file.parent_path());
}

// Rows of 4-bit codes that end within a byte: cut row by row they were written to nowhere.
TEST(DataWriter, CodesOfFourBitsWhoseRowsEndWithinAByte) {
  expect_same({64, 64, 1, 1});
  expect_same({64, 64, 3, 3});
  expect_same({2048, 33});
  expect_same({2048, 32});
}

}  // namespace
}  // namespace lapidary::graph
