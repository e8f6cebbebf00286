// Passes on models whose names are those that passes give, and whose bodies read what passes
// change: what comes out computes on ONNX Runtime's CPU what went in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/testing/compare.h"
#include "build/convert_file.h"
#include "graph/builder.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "graph/testing/bodies.h"
#include "ort/session.h"
#include "tensor/expressions.h"
#include "weights/testing/random_weights.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using graph::Graph;
using graph::Node;
using graph::Ref;
using ::testing::ElementsAre;

using Values = std::map<std::string, std::vector<float>>;

template <typename T>
ort::HostTensor tensor_of(const std::string& name, DType type, const std::vector<int64_t>& shape,
                          const std::vector<T>& values) {
  ort::HostTensor out{name, type, shape, {}};
  out.data.resize(values.size() * sizeof(T));
  std::memcpy(out.data.data(), values.data(), out.data.size());
  return out;
}

ort::HostTensor floats(const std::string& name, const std::vector<int64_t>& shape) {
  return tensor_of(name, DType::kFloat, shape,
                   weights::test_weights(tensor::element_count(shape), 9));
}

graph::OpaqueAttribute branch(const std::string& name, const std::vector<graph::BodyNode>& nodes) {
  onnx::AttributeProto proto = graph::body_proto(name, nodes);
  proto.mutable_g()->set_name(name);
  return graph::carried(proto, "a test").value();
}

class ConvertNames : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("convert_names_" + std::to_string(getpid()) + "_" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // The float outputs of a model.
  static Values run(const fs::path& model, const std::vector<ort::HostTensor>& inputs) {
    auto session =
        ort::Session::open(model, {.threads = 1, .optimization = ort::Optimization::kNone});
    EXPECT_TRUE(session.ok()) << session.error().message();
    if (!session.ok()) return {};
    const auto outputs = session->run(inputs);
    EXPECT_TRUE(outputs.ok()) << outputs.error().message();
    if (!outputs.ok()) return {};
    Values out;
    for (const ort::HostTensor& output : *outputs) {
      if (output.type != DType::kFloat) continue;
      std::vector<float>& values = out[output.name];
      values.resize(output.data.size() / sizeof(float));
      std::memcpy(values.data(), output.data.data(), output.data.size());
    }
    return out;
  }

  Values before(const Graph& graph, const std::vector<ort::HostTensor>& inputs) const {
    const auto saved = graph::save(graph, folder_ / "in.onnx", {});
    EXPECT_TRUE(saved.ok()) << saved.error().message();
    return run(folder_ / "in.onnx", inputs);
  }
  Values after(const std::vector<std::string>& passes, const std::vector<std::string>& settings,
               const std::vector<ort::HostTensor>& inputs) const {
    const auto steps = bind_steps(passes, settings);
    EXPECT_TRUE(steps.ok()) << steps.error().message();
    if (!steps.ok()) return {};
    const auto done =
        convert_file(folder_ / "in.onnx", folder_ / "out.onnx", *steps, {.force = true});
    EXPECT_TRUE(done.ok()) << done.error().message();
    return done.ok() ? run(folder_ / "out.onnx", inputs) : Values{};
  }
  Graph written() const { return graph::load(folder_ / "out.onnx").value(); }

  fs::path folder_;
};

// y = x w, z = x w.
Graph shared_weight() {
  graph::Builder b("g", 21);
  const Ref x = b.input("x", DType::kFloat, {int64_t{3}, int64_t{64}});
  const Ref w =
      b.weight("w", tensor::transpose(tensor::floats({6, 64}, weights::test_weights(384, 5))));
  b.output("y", b.op("MatMul", {x, w}, "a"), DType::kFloat, {int64_t{3}, int64_t{6}});
  b.output("z", b.op("MatMul", {x, w}, "b"), DType::kFloat, {int64_t{3}, int64_t{6}});
  return std::move(b).finish();
}

void expect_near(const Values& got, const Values& wanted, double tolerance) {
  ASSERT_EQ(got.size(), wanted.size());
  for (const auto& [name, values] : wanted) {
    EXPECT_LT(relative_error(got.at(name), values), tolerance) << name;
  }
}

// Would catch codes of one pass with scales of the other, 30 to 70 % off.
TEST_F(ConvertNames, TwoPassesOnASharedWeight) {
  const std::vector<ort::HostTensor> inputs = {floats("x", {3, 64})};
  const Values wanted = before(shared_weight(), inputs);
  const Values got = after({"OnnxBlockWiseRtnQuantization", "OnnxKQuantQuantization"},
                           {R"(OnnxBlockWiseRtnQuantization.nodes_to_exclude=["b/MatMul"])",
                            "OnnxBlockWiseRtnQuantization.block_size=32"},
                           inputs);
  expect_near(got, wanted, 0.2);
}

TEST_F(ConvertNames, OnePassWithTwoFormatsOfASharedWeight) {
  const std::vector<ort::HostTensor> inputs = {floats("x", {3, 64})};
  const Values wanted = before(shared_weight(), inputs);
  const Values got = after({"OnnxKQuantQuantization"},
                           {R"(customized_weight_config={"b/MatMul":{"bits":8}})"}, inputs);
  expect_near(got, wanted, 0.2);
  EXPECT_LT(relative_error(got.at("z"), wanted.at("z")), 0.02);  // 8 bits
}

// Would catch a value of the model that becomes something of the pass.
TEST_F(ConvertNames, ValuesOfTheModelStay) {
  Graph graph = shared_weight();
  graph.initializers["w_scales"] = tensor::floats({2}, {3, 4});
  graph.nodes.push_back({"", "Identity", "own", {"w_scales"}, {"k"}, {}});
  graph.outputs.push_back({"k", DType::kFloat, {int64_t{2}}});
  const std::vector<ort::HostTensor> inputs = {floats("x", {3, 64})};
  const Values wanted = before(graph, inputs);
  const Values got = after({"OnnxKQuantQuantization"}, {}, inputs);
  EXPECT_THAT(got.at("k"), ElementsAre(3, 4));
  expect_near(got, wanted, 0.2);
}

// y = If(c): Abs(x w_Q4), else Neg(x w): a body has the name that the pass would give.
TEST_F(ConvertNames, NamesOfBodiesAreTaken) {
  Graph graph = shared_weight();
  graph.inputs.push_back({"c", DType::kBool, {}});
  Node choice{"", "If", "choice", {"c"}, {"v"}, {}};
  choice.opaque["then_branch"] =
      branch("then_branch", {{"Abs", {"x"}, "w_Q4"}, {"Neg", {"w_Q4"}, "o1"}});
  choice.opaque["else_branch"] = branch("else_branch", {{"Neg", {"x"}, "o2"}});
  graph.nodes.push_back(choice);
  graph.outputs.push_back({"v", DType::kFloat, {int64_t{3}, int64_t{64}}});
  const std::vector<ort::HostTensor> inputs = {floats("x", {3, 64}),
                                               tensor_of<uint8_t>("c", DType::kBool, {}, {1})};
  const Values wanted = before(graph, inputs);
  const Values got = after({"OnnxKQuantQuantization"}, {}, inputs);
  expect_near(got, wanted, 0.2);
  EXPECT_EQ(got.at("v"), wanted.at("v"));
  EXPECT_TRUE(written().initializers.contains("w_Q4_1"));
}

// A file is read again between the runs, as its user would do it.
TEST_F(ConvertNames, Float16TwiceWithFloatPorts) {
  const std::vector<ort::HostTensor> inputs = {floats("x", {3, 64})};
  const Values wanted = before(shared_weight(), inputs);
  const std::string keep = "keep_io_types=true";
  expect_near(after({"OnnxFloatToFloat16"}, {keep}, inputs), wanted, 1e-2);
  ASSERT_FALSE(fs::exists(folder_ / "out.onnx.data"));  // the weight is small in float16
  fs::rename(folder_ / "out.onnx", folder_ / "in.onnx");
  expect_near(after({"OnnxFloatToFloat16"}, {keep}, inputs), wanted, 1e-2);
}

// h = Relu(x), y = If(c): Neg(h), else Abs(x).
Graph branching() {
  graph::Builder b("g", 21);
  const Ref x = b.input("x", DType::kFloat, {int64_t{3}});
  b.input("c", DType::kBool, {});
  b.output("h", b.op("Relu", {x}, "act"), DType::kFloat, {int64_t{3}});
  Graph graph = std::move(b).finish();
  Node choice{"", "If", "choice", {"c"}, {"y"}, {}};
  choice.opaque["then_branch"] = branch("then_branch", {{"Neg", {"h"}, "o1"}});
  choice.opaque["else_branch"] = branch("else_branch", {{"Abs", {"x"}, "o2"}});
  graph.nodes.push_back(choice);
  graph.outputs.push_back({"y", DType::kFloat, {int64_t{3}}});
  return graph;
}

// Would catch bodies that read inputs and outputs by their old names.
TEST_F(ConvertNames, BodiesReadRenamedPorts) {
  for (const bool c : {false, true}) {
    std::vector<ort::HostTensor> inputs = {
        floats("x", {3}), tensor_of<uint8_t>("c", DType::kBool, {}, {static_cast<uint8_t>(c)})};
    const Values wanted = before(branching(), inputs);
    inputs[0].name = "X";
    const Values got =
        after({"GraphSurgeries"},
              {R"(surgeries=[{"surgeon":"RenameInputs","old_names":["x"],"new_names":["X"]},
                       {"surgeon":"RenameOutputs","old_names":["h"],"new_names":["H"]}])"},
              inputs);
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got.at("H"), wanted.at("h"));
    EXPECT_EQ(got.at("y"), wanted.at("y"));
  }
}

// The version of a file stays, whether older or newer than ours, and rises with what needs it.
TEST_F(ConvertNames, TheIrVersionIsThatOfTheInput) {
  const std::vector<ort::HostTensor> inputs = {floats("x", {3, 64})};
  for (const int64_t version : {8, 10, 12}) {
    Graph graph = shared_weight();
    graph.opsets[""] = 17;
    graph.ir_version = version;
    const Values wanted = before(graph, inputs);
    expect_near(after({"OnnxKQuantQuantization"}, {}, inputs), wanted, 0.2);
    EXPECT_EQ(written().ir_version, version);
    expect_near(
        after({"OnnxKQuantQuantization", "MatMulNBitsToQDQ"},
              {"MatMulNBitsToQDQ.on_unsafe=keep", "MatMulNBitsToQDQ.use_int4=true"}, inputs),
        wanted, 0.2);
    EXPECT_EQ(written().ir_version, std::max<int64_t>(version, 10));
  }
}

}  // namespace
}  // namespace lapidary::build
