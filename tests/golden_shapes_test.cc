// Shapes inferred for fixed inputs against those of ONNX Runtime: every value of a component is
// made an output and bound to a buffer of the inferred shape, and a run fails on any other shape.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/testing/source_dir.h"
#include "checkpoint/checkpoint.h"
#include "gemma4/audio_encoder.h"
#include "gemma4/decoder.h"
#include "gemma4/embedding.h"
#include "gemma4/vision_encoder.h"
#include "golden_check.h"
#include "graph/builder.h"
#include "graph/dtype_inference.h"
#include "graph/fixed_shapes.h"
#include "graph/onnx_writer.h"
#include "ort/session.h"

namespace lapidary::golden {
namespace {

using graph::FixedShapes;
using graph::Graph;

class GoldenShapes : public testing::Test {
 protected:
  void SetUp() override {
    scratch_ = std::filesystem::path(testing::TempDir()) /
               (std::string("lapidary_shapes_") +
                testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(scratch_);
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }
  const std::filesystem::path& scratch() const { return scratch_; }
  // What the last run wrote there.
  const std::vector<unsigned char>& bytes_of(const std::string& output) const {
    return buffers_.at(output);
  }

  static checkpoint::Checkpoint tiny() {
    return take(checkpoint::Checkpoint::open(source_dir() / "models/tiny-gemma4/checkpoint"));
  }

  // Runs the graph on ones and small numbers with every value bound. Returns how many were checked.
  size_t check_by_running(const Graph& original, const graph::DimBindings& bindings) {
    const FixedShapes known = take(graph::infer_shapes(original, bindings));
    const auto dtypes = take(graph::infer_dtypes(original));
    Graph graph = original;
    for (const graph::Node& node : graph.nodes) {
      for (const std::string& value : node.outputs) add_output(graph, known, dtypes, value);
    }
    const auto path = scratch_ / "model.onnx";
    take(graph::save(graph, path, {}));
    const auto session =
        take(ort::Session::open(path, {.threads = 1, .optimization = ort::Optimization::kNone}));
    ort::Binding binding = take(session.bind());
    for (const auto& input : graph.inputs) {
      if (graph.initializers.contains(input.name)) continue;
      must(binding.input(input.name, view(known, input.name, input.dtype, 1)));
    }
    size_t checked = 0;
    for (const auto& output : graph.outputs) {
      must(binding.output(output.name, view(known, output.name, output.dtype, 0)));
      ++checked;
    }
    must(binding.run());
    return checked;
  }

 private:
  static bool bindable(DType dtype) {
    return dtype == DType::kFloat || dtype == DType::kInt64 || dtype == DType::kBool;
  }
  static void must(const Status& status) {
    if (!status.ok()) throw std::runtime_error(status.error().message());
  }
  static void add_output(Graph& graph, const FixedShapes& known, const graph::DTypes& dtypes,
                         const std::string& value) {
    if (value.empty() || graph.is_output(value) || !bindable(dtypes.at(value))) return;
    const auto& shape = known.shapes.at(value);
    graph.outputs.push_back({value, dtypes.at(value), {shape.begin(), shape.end()}});
  }
  ort::TensorView view(const FixedShapes& known, const std::string& name, DType dtype,
                       unsigned char fill) {
    const auto& shape = known.shapes.at(name);
    const auto count = static_cast<size_t>(tensor::element_count(shape));
    std::vector<unsigned char>& bytes = buffers_[name];
    bytes.assign(std::max<size_t>(count, 1) * 8, 0);
    if (dtype == DType::kInt64 || dtype == DType::kBool) {
      const size_t width = dtype == DType::kBool ? 1 : 8;
      for (size_t i = 0; i < count; ++i) bytes[i * width] = fill;
    } else if (fill != 0) {
      for (size_t i = 0; i < count; ++i) {
        const float value = 0.01F * static_cast<float>(i % 97);
        std::memcpy(bytes.data() + i * sizeof(value), &value, sizeof(value));
      }
    }
    return {bindable(dtype) ? dtype : DType::kBool, bytes.data(), shape};
  }

  std::filesystem::path scratch_;
  std::map<std::string, std::vector<unsigned char>> buffers_;
};

// Optional inputs become constants.
void fix_defaults(Graph& graph) {
  std::erase_if(graph.inputs,
                [&](const auto& input) { return graph.initializers.contains(input.name); });
}

// The graph as far as the first node that yields as many rows as the data says, which must be named
// by the error.
Graph before(Graph graph, const std::string& op, const graph::DimBindings& bindings) {
  const auto whole = graph::infer_shapes(graph, bindings);
  EXPECT_FALSE(whole.ok());
  EXPECT_EQ(whole.error().kind, ErrorKind::kUnsupported) << whole.error().message();
  EXPECT_NE(whole.error().message().find(op), std::string::npos) << whole.error().message();
  for (const graph::Node& node : graph.nodes) {
    if (node.op_type != op) continue;
    graph.outputs.clear();
    for (const std::string& input : node.inputs) {
      graph.outputs.push_back({input, take(graph::infer_dtypes(graph)).at(input), {}});
    }
    break;
  }
  graph::remove_unused(graph);
  for (auto& output : graph.outputs) {
    const auto known = take(graph::infer_shapes(graph, bindings));
    const auto& shape = known.shapes.at(output.name);
    output.shape = {shape.begin(), shape.end()};
  }
  return graph;
}

// What the other tests rely on.
TEST_F(GoldenShapes, OnnxRuntimeRefusesABufferOfAnotherShape) {
  graph::Builder b("g");
  const graph::Ref x = b.input("x", DType::kFloat, {int64_t{2}, int64_t{3}});
  b.output("y", b.op("Tanh", {x}), DType::kFloat, {int64_t{2}, int64_t{3}});
  take(graph::save(std::move(b).finish(), scratch() / "model.onnx", {}));
  const auto session = take(ort::Session::open(scratch() / "model.onnx", {.threads = 1}));
  ort::Binding binding = take(session.bind());
  std::vector<float> in(6);
  std::vector<float> out(6);
  ASSERT_TRUE(binding.input("x", {DType::kFloat, in.data(), {2, 3}}).ok());
  ASSERT_TRUE(binding.output("y", {DType::kFloat, out.data(), {3, 2}}).ok());
  EXPECT_FALSE(binding.run().ok());
}

TEST_F(GoldenShapes, Decoder) {
  const auto source = tiny();
  Graph graph = take(gemma4::build_decoder(source.config, source.weights));
  fix_defaults(graph);
  for (const int64_t sequence : {1, 7}) {
    EXPECT_GT(check_by_running(graph, {{"batch", 1},
                                       {"sequence_len", sequence},
                                       {"past_sequence_len", 5},
                                       {"sliding_past_sequence_len", 5},
                                       {"total_sequence_len", 5 + sequence}}),
              200U);
  }
}

TEST_F(GoldenShapes, EmbeddingUpToItsSoftTokens) {
  const auto source = tiny();
  Graph graph = take(gemma4::build_embedding(source.config, source.weights));
  const graph::DimBindings bindings = {
      {"batch", 2}, {"sequence_len", 6}, {"num_image_tokens", 3}, {"num_audio_tokens", 0}};
  EXPECT_GT(check_by_running(before(std::move(graph), "NonZero", bindings), bindings), 2U);
}

TEST_F(GoldenShapes, EmbeddingWithoutTowers) {
  auto source = tiny();
  source.config.vision.reset();
  source.config.audio.reset();
  const Graph graph = take(gemma4::build_embedding(source.config, source.weights));
  EXPECT_GT(check_by_running(graph, {{"batch", 1}, {"sequence_len", 6}}), 8U);
}

TEST_F(GoldenShapes, VisionEncoderUpToItsChoiceOfTokens) {
  const auto source = tiny();
  Graph graph = take(gemma4::build_vision_encoder(source.config, source.weights));
  const graph::DimBindings bindings = {{"batch", 2}, {"num_patches", 36}};
  EXPECT_GT(check_by_running(before(std::move(graph), "Compress", bindings), bindings), 100U);
}

TEST_F(GoldenShapes, AudioEncoderUpToItsChoiceOfTokens) {
  const auto source = tiny();
  Graph graph = take(gemma4::build_audio_encoder(source.config, source.weights));
  const graph::DimBindings bindings = {{"batch", 2}, {"time", 101}};
  EXPECT_GT(check_by_running(before(std::move(graph), "Compress", bindings), bindings), 100U);
}

}  // namespace
}  // namespace lapidary::golden
