// Small static graphs for the tests on the emulated HTP.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/testing/compare.h"
#include "graph/graph.h"
#include "graph/onnx_writer.h"
#include "ort/session.h"
#include "tensor/expressions.h"

namespace lapidary::htp {

using graph::Graph;

inline std::filesystem::path test_folder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  return std::filesystem::path(testing::TempDir()) /
         ("htp_" + std::to_string(getpid()) + "_" + test->name());
}

inline std::vector<float> gaussian(size_t count, unsigned seed, float sigma = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, sigma);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

template <typename T>
tensor::Tensor constant(DType dtype, tensor::Shape shape, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return tensor::literal({dtype, std::move(shape)}, std::move(bytes));
}

inline ort::HostTensor float_tensor(const std::string& name, std::vector<int64_t> shape,
                                    const std::vector<float>& values) {
  ort::HostTensor tensor{name, DType::kFloat, std::move(shape), {}};
  tensor.data.resize(values.size() * sizeof(float));
  std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

inline std::vector<float> floats_of(const ort::HostTensor& tensor) {
  std::vector<float> values(tensor.data.size() / sizeof(float));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

inline Graph empty_graph(const std::string& name) {
  Graph graph;
  graph.name = name;
  graph.opsets = {{"", 23}, {graph::kMicrosoftDomain, 1}};
  return graph;
}

inline graph::SymbolicShape shape_of(const std::vector<int64_t>& dims) {
  return {dims.begin(), dims.end()};
}

// One float node x -> y.
inline Graph one_op(const std::string& op, const std::vector<int64_t>& dims,
                    std::map<std::string, graph::Attribute> attributes = {}) {
  Graph graph = empty_graph(op);
  graph.inputs = {{"x", DType::kFloat, shape_of(dims)}};
  graph.outputs = {{"y", DType::kFloat, shape_of(dims)}};
  graph.nodes = {{"", op, "the " + op, {"x"}, {"y"}, std::move(attributes)}};
  return graph;
}

// y = RMSNormalization(x), of the last dim.
inline Graph rms_norm(const std::vector<int64_t>& dims) {
  Graph graph = one_op("RMSNormalization", dims, {{"axis", int64_t{-1}}, {"epsilon", 1e-6f}});
  const int64_t width = dims.back();
  graph.initializers["gamma"] =
      tensor::floats({width}, std::vector<float>(static_cast<size_t>(width), 1.0f));
  graph.nodes[0].inputs.emplace_back("gamma");
  return graph;
}

// y = x w with uint16 activations and int8 weights per channel, in Quantize/Dequantize form.
// x: [1, rows] in -4 .. 4, y in -range .. range.
inline Graph matmul_a16w8(int64_t rows, int64_t cols, float range) {
  Graph graph = empty_graph("matmul");
  graph.inputs = {{"x", DType::kFloat, shape_of({1, rows})}};
  graph.outputs = {{"y", DType::kFloat, shape_of({1, cols})}};
  std::mt19937 random(5);
  std::vector<int8_t> weight(static_cast<size_t>(rows * cols));
  for (int8_t& value : weight) value = static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
  std::vector<float> scales(static_cast<size_t>(cols));
  for (size_t i = 0; i < scales.size(); ++i) scales[i] = 1e-3f * static_cast<float>(1 + i % 3);
  graph.initializers["w"] = constant(DType::kInt8, {rows, cols}, weight);
  graph.initializers["w_scale"] = tensor::floats({cols}, scales);
  graph.initializers["w_zero"] =
      constant(DType::kInt8, {cols}, std::vector<int8_t>(static_cast<size_t>(cols), 0));
  graph.initializers["x_scale"] = tensor::scalar(8.0f / 65535.0f);
  graph.initializers["y_scale"] = tensor::scalar(2.0f * range / 65535.0f);
  graph.initializers["zero"] = constant(DType::kUint16, {}, std::vector<uint16_t>{32768});
  const auto node = [&graph](const char* op, const std::string& name,
                             std::vector<std::string> inputs, const std::string& output) {
    graph.nodes.push_back({"", op, name, std::move(inputs), {output}, {}});
  };
  node("QuantizeLinear", "q_x", {"x", "x_scale", "zero"}, "xq");
  node("DequantizeLinear", "dq_x", {"xq", "x_scale", "zero"}, "xd");
  node("DequantizeLinear", "dq_w", {"w", "w_scale", "w_zero"}, "wd");
  graph.nodes.back().attributes["axis"] = int64_t{1};
  node("MatMul", "proj/MatMul", {"xd", "wd"}, "yd");
  node("QuantizeLinear", "q_y", {"yd", "y_scale", "zero"}, "yq");
  node("DequantizeLinear", "dq_y", {"yq", "y_scale", "zero"}, "y");
  return graph;
}

inline std::filesystem::path saved(const Graph& graph, const std::string& file) {
  const std::filesystem::path path = test_folder() / file;
  std::filesystem::create_directories(path.parent_path());
  const auto result = graph::save(graph, path, {});
  EXPECT_TRUE(result.ok()) << result.error().message();
  return path;
}

}  // namespace lapidary::htp
