// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "example.h"
#include "graph/body_captures.h"
#include "graph/builder.h"
#include "graph/dtype_inference.h"
#include "graph/float16_support.h"
#include "graph/fresh_names.h"
#include "graph/functions.h"
#include "graph/ir_version.h"
#include "graph/node_ranges.h"
#include "graph/operators.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "graph/referenced_files.h"
#include "graph/fixed_shapes.h"
#include "graph/testing/bodies.h"
#include "tensor/expressions.h"

namespace lapidary::graph {

Graph builder_example(const Tensor& tensor) {
  // [graph/builder.h]
  Builder b("decoder");
  Ref x = b.input("inputs_embeds", DType::kFloat, {"batch", "sequence_len", int64_t{128}});
  {
    auto scope = b.enter("model.language_model.layers.0");
    Ref w = b.weight("mlp.down_proj.weight", tensor);  // named model.[...].mlp.down_proj.weight
    x = b.op("MatMul", {x, w}, "mlp.down_proj");       // model.[...].mlp.down_proj/MatMul
  }
  b.output("hidden", x, DType::kFloat, {"batch", "sequence_len", int64_t{64}});
  Graph g = std::move(b).finish();
  // [end]
  return g;
}

TEST(GraphExamples, Operators) {
  // [graph/operators.h]
  const Operator* row = find_operator("", "Transpose");
  const bool moves = row->quantization == Quantization::kMovesFirst;  // true
  // [end]
  EXPECT_TRUE(moves);
}

Status body_captures_example(Node& node) {
  // [graph/body_captures.h]
  LAP_RETURN_IF_ERROR(rename_captures(node.opaque.at("body"), {{"x", "x/float32"}}));
  // [end]
  return {};
}

Status functions_example(const Graph& graph) {
  // [graph/functions.h]
  LAP_ASSIGN_OR_RETURN(const FunctionFacts facts, function_facts(graph.functions[0]));
  const std::string& name = facts.name;  // "my::F"
  const int64_t opset = facts.opset;     // 13, of the standard operators
  // [end]
  use(name, opset);
  return {};
}

void fresh_names_example(const Graph& graph) {
  // [graph/fresh_names.h]
  FreshNames names(graph);
  const std::string scale = names.fresh("w_scale");  // "w_scale_1" where the graph has a "w_scale"
  // [end]
  use(scale);
}

void ir_version_example(Graph& graph) {
  // [graph/ir_version.h]
  graph.opsets[""] = 21;
  raise_ir_version(graph, ir_version_of_opset(21));  // 8 becomes 10; 12 stays
  // [end]
}

void bodies_example(Node& node, Graph& graph) {
  // [graph/testing/bodies.h]
  node.opaque["then_branch"] = body_of("then_branch", {{"Abs", {"x"}, "y"}});
  graph.functions.push_back(function_of("my", "F", 13, {{"Relu", {"x"}, "y"}}));
  // [end]
}

TEST(GraphExamples, Float16Support) {
  const Node node{"", "QuantizeLinear", "q", {}, {}, {}};
  // [graph/float16_support.h]
  const Float16Support* support = float16_support(node, 17);
  // QuantizeLinear: nullptr, it takes float16 from opset 19 on
  // [end]
  EXPECT_EQ(support, nullptr);
}

Status dtype_inference_example(const Graph& graph) {
  // [graph/dtype_inference.h]
  LAP_ASSIGN_OR_RETURN(const DTypes dtypes, infer_dtypes(graph));
  const DType norm = dtypes.at("model.norm/RMSNormalization");  // DType::kFloat
  // [end]
  EXPECT_EQ(norm, DType::kFloat);
  return {};
}

Status static_shapes_example(const Graph& graph) {
  // [graph/fixed_shapes.h]
  LAP_ASSIGN_OR_RETURN(const FixedShapes known, infer_shapes(graph, {{"sequence_len", 128}}));
  const tensor::Shape& norm = known.shapes.at("model.norm/RMSNormalization");  // {1, 128, 1536}
  const auto& length = known.integers.at("model.step.sequence/Shape");         // {128}
  // [end]
  EXPECT_EQ(norm, (tensor::Shape{1, 128, 1536}));
  EXPECT_EQ(length, (std::vector<int64_t>{128}));
  return {};
}

Status referenced_files_example() {
  // [graph/referenced_files.h]
  LAP_ASSIGN_OR_RETURN(auto files, referenced_files("pkg/decoder/model.onnx"));
  const bool outside = files.contains("model.onnx.data");  // true
  // [end]
  use(outside);
  return {};
}

Status onnx_reader_example() {
  // [graph/onnx_reader.h]
  LAP_ASSIGN_OR_RETURN(Graph graph, load("pkg/decoder/model.onnx"));
  // [end]
  return {};
}

Status onnx_writer_example(const Graph& graph) {
  // [graph/onnx_writer.h]
  LAP_ASSIGN_OR_RETURN(SavedModel saved, save(graph, "pkg/decoder/model.onnx", {}));
  // [end]
  return {};
}

Graph node_ranges_example(const Graph& graph, const NodeRanges::Declare& declare) {
  // [graph/node_ranges.h]
  const NodeRanges ranges(graph);
  Graph first = ranges.cut(0, 100, declare);
  Graph rest = ranges.cut(100, graph.nodes.size(), declare);
  // The outputs of `first` are inputs of `rest`, or outputs of `graph`.
  // [end]
  return first;
}

TEST(GraphExamples, NamesOfTheBuilderBeginWithTheScope) {
  const Graph g = builder_example(tensor::floats({128, 64}, std::vector<float>(128 * 64)));
  const std::string module = "model.language_model.layers.0.mlp.down_proj";
  EXPECT_TRUE(g.initializers.contains(module + ".weight"));
  ASSERT_EQ(g.nodes.size(), 1U);
  EXPECT_EQ(g.nodes[0].name, module + "/MatMul");
  expect_ok(check(g));
}

TEST(GraphExamples, ShapesAndDtypes) {
  Builder b("norm");
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, "sequence_len", int64_t{1536}});
  Ref y, length;
  {
    const auto scope = b.enter("model");
    const Ref w = b.weight("norm.weight", tensor::floats({1536}, std::vector<float>(1536, 1.0F)));
    y = b.op("RMSNormalization", {x, w}, "norm");
    length = b.op("Shape", {x}, "step.sequence", {{"start", int64_t{1}}, {"end", int64_t{2}}});
    y = b.op("Identity", {y}, "y");
    length = b.op("Identity", {length}, "length");
  }
  b.output("y", y, DType::kFloat, {int64_t{1}, "sequence_len", int64_t{1536}});
  b.output("length", length, DType::kInt64, {int64_t{1}});
  const Graph graph = std::move(b).finish();
  expect_ok(static_shapes_example(graph));
  expect_ok(dtype_inference_example(graph));
}

}  // namespace lapidary::graph
