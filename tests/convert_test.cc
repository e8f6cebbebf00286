// Passes on ONNX files made elsewhere (tests/oracle/make_convert_goldens.py): what comes out
// computes what the original computed on ONNX Runtime's CPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "base/json.h"
#include "base/testing/compare.h"
#include "base/testing/recording_sink.h"
#include "base/testing/source_dir.h"
#include "build/convert_file.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "ort/session.h"
#include "tensor/expressions.h"
#include "weights/blockwise.h"
#include "weights/nbits.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Convert : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("convert_" + std::to_string(getpid()) + "_" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static fs::path golden(const std::string& file) {
    return source_dir() / "tests/golden/convert" / file;
  }

  Result<Conversion> convert(const std::string& name, const std::string& pass,
                             const std::vector<std::string>& settings) {
    LAP_ASSIGN_OR_RETURN(const auto steps, bind_steps({pass}, settings));
    return convert_file(golden(name + ".onnx"), out(), steps, {.force = true});
  }
  fs::path out() const { return folder_ / "out.onnx"; }

  // The largest relative error of an output of the converted model; NaN when one cannot be
  // compared.
  double error_against(const std::string& name) {
    const Json golden_json = load_json(golden(name + ".json")).value();
    std::vector<ort::HostTensor> inputs;
    for (const auto& [key, value] : golden_json["inputs"].items()) {
      const auto values = value["values"].get<std::vector<float>>();
      ort::HostTensor tensor{key, DType::kFloat, value["shape"].get<std::vector<int64_t>>(), {}};
      tensor.data.resize(values.size() * sizeof(float));
      std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
      inputs.push_back(std::move(tensor));
    }
    auto session =
        ort::Session::open(out(), {.threads = 1, .optimization = ort::Optimization::kNone});
    EXPECT_TRUE(session.ok()) << session.error().message();
    if (!session.ok()) return kNoMeasure;
    const auto outputs = session->run(inputs);
    EXPECT_TRUE(outputs.ok()) << outputs.error().message();
    if (!outputs.ok()) return kNoMeasure;
    EXPECT_EQ(outputs->size(), golden_json["outputs"].size());
    double worst = 0;
    for (const ort::HostTensor& output : *outputs) {
      const auto wanted =
          golden_json["outputs"].at(output.name)["values"].get<std::vector<float>>();
      std::vector<float> got(output.data.size() / sizeof(float));
      std::memcpy(got.data(), output.data.data(), output.data.size());
      worst = larger(worst, relative_error(got, wanted));
    }
    return worst;
  }

  int64_t count(const std::string& op) const {
    const auto graph = graph::load(out());
    EXPECT_TRUE(graph.ok()) << graph.error().message();
    return std::count_if(graph->nodes.begin(), graph->nodes.end(),
                         [&](const graph::Node& node) { return node.qualified_op() == op; });
  }

  fs::path folder_;
};

// Attributes of every kind, a function, bodies, typed fields, Constant nodes, odd rows of int4:
// nothing of it may be lost on the way in and out.
TEST_F(Convert, WhatNoPassTouchesComesThrough) {
  const auto done = convert("zoo", "MatMulNBitsToQDQ", {});
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(done->steps[0].rewritten, 0);
  EXPECT_EQ(done->bodies.size(), 1u);
  EXPECT_EQ(error_against("zoo"), 0);
}

// Opset 17, external data, a bias, zero points, 4 and 8 bits, one block a row, a body that reads
// what stands around it.
TEST_F(Convert, MatMulNBitsAsItIs) {
  for (const char* setting :
       {"use_int4=true", "use_int4=false", "use_signed_int=true", "use_transpose_op=true"}) {
    const auto done = convert("nbits", "MatMulNBitsToQDQ", {"on_unsafe=keep", setting});
    ASSERT_TRUE(done.ok()) << done.error().message();
    EXPECT_EQ(done->steps[0].rewritten, 3);
    EXPECT_LT(error_against("nbits"), 1e-6) << setting;
    EXPECT_EQ(count("com.microsoft::MatMulNBits"), 0);
    EXPECT_EQ(count("DequantizeLinear"), 3);
  }
}

TEST_F(Convert, MatMulNBitsThatTheHtpComputesWrongIsRefusedOrCodedAnew) {
  const auto refused = convert("nbits", "MatMulNBitsToQDQ", {"use_int4=true"});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("MatMulNBits_0"), HasSubstr("zero points"), HasSubstr("on_unsafe")));
  EXPECT_FALSE(fs::exists(out()));
  const auto done = convert("nbits", "MatMulNBitsToQDQ", {"on_unsafe=recode"});
  ASSERT_TRUE(done.ok()) << done.error().message();
  const double error = error_against("nbits");
  EXPECT_LT(error, 0.06);
  EXPECT_GT(error, 1e-3);  // symmetric codes cannot hold what asymmetric ones held
  const auto graph = graph::load(out());
  ASSERT_TRUE(graph.ok());
  for (const graph::Node& node : graph->nodes) {
    if (node.op_type != "DequantizeLinear") continue;
    const graph::Tensor& codes = graph->initializers.at(node.inputs[0]);
    const graph::Tensor& zeros = graph->initializers.at(node.inputs.at(2));
    EXPECT_TRUE(codes.dtype() == DType::kInt4 || codes.dtype() == DType::kInt8);
    EXPECT_TRUE(weights::are_centered(codes, zeros).value()) << node.name;
  }
}

// Recoding rounds the float weights once more, not the codes of codes: it must be closer to them.
TEST_F(Convert, RecodingTakesTheFloatWeightsWhereTheyAreKnown) {
  std::vector<float> floats(64 * 128);
  uint32_t state = 5;
  for (float& x : floats) {  // sums of four: about normal
    for (int i = 0; i < 4; ++i) {
      state = state * 1664525U + 1013904223U;
      x += static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0F;
    }
  }
  const weights::WeightFormat format{weights::QuantMethod::kKQuant, {.bits = 4, .block_size = 32}};
  const weights::BlockwiseWeight made =
      weights::quantize_blockwise(tensor::floats({64, 128}, floats), format);
  const auto literal = [](const tensor::Tensor& x) {
    return tensor::literal(x.type(), x.materialize().value());
  };
  const auto error_of = [&](const weights::NBitsWeight& weight) {
    const auto out =
        weights::dequantizable(weight, {.is_signed = true, .by_output = true, .recode = true});
    const auto codes = out.codes.materialize().value();
    const auto scales = out.scales.to_floats().value();
    double sum = 0;
    for (size_t i = 0; i < floats.size(); ++i) {
      const int nibble = std::to_integer<int>(codes[i / 2] >> (4 * (i % 2)) & std::byte{15});
      const float value = static_cast<float>((nibble ^ 8) - 8) * scales[i / 32];
      sum += std::pow(double{value} - double{floats[i]}, 2);
    }
    return sum;
  };
  const double from_floats = error_of({made.codes, made.scales, made.zero_points, 64, 128, 32, 4});
  const double from_codes = error_of(
      {literal(made.codes), literal(made.scales), literal(made.zero_points), 64, 128, 32, 4});
  EXPECT_LT(from_floats, 0.9 * from_codes);
}

// MatMul, Gemm with a bias, alpha and beta, a transposed weight, Conv 1x1 and 3x3 with stride, pads
// and bias. What is lost is the grid's: block magnitudes differ by a factor of ten here.
TEST_F(Convert, EveryProductBecomesLpbq) {
  const auto done = convert("blocks", "BlockQuantToLpbq", {});
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(done->steps[0].rewritten, 5);
  EXPECT_TRUE(done->steps[0].declined.empty());
  EXPECT_EQ(count("MatMul"), 5);
  EXPECT_EQ(count("Gemm") + count("Conv"), 0);
  EXPECT_LT(error_against("blocks"), 3.5e-2);
  // A second run finds them done.
  const auto again =
      convert_file(out(), folder_ / "again.onnx", *bind_steps({"BlockQuantToLpbq"}, {}), {});
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->steps[0].rewritten, 0);
  ASSERT_EQ(again->steps[0].declined.size(), 5u);
  EXPECT_THAT(again->steps[0].declined[0].reason, HasSubstr("LPBQ already"));
}

// Asymmetric and 8-bit blocks: an error that names the node, or, when told so, left and listed.
TEST_F(Convert, BlocksThatLpbqCannotExpressAreRefused) {
  ASSERT_TRUE(convert("nbits", "MatMulNBitsToQDQ", {"on_unsafe=keep", "use_int4=true"}).ok());
  const auto steps = bind_steps({"BlockQuantToLpbq"}, {});
  const auto refused = convert_file(out(), folder_ / "lpbq.onnx", *steps, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("MatMulNBits_0"), HasSubstr("asymmetric")));
  EXPECT_FALSE(fs::exists(folder_ / "lpbq.onnx"));
  EXPECT_FALSE(fs::exists(folder_ / "lpbq.onnx.partial"));
  const auto left = convert_file(out(), folder_ / "lpbq.onnx",
                                 *bind_steps({"BlockQuantToLpbq"}, {"on_unsupported=leave"}), {});
  ASSERT_TRUE(left.ok()) << left.error().message();
  std::string reasons;
  for (const passes::Declined& each : left->steps[0].declined) {
    if (each.refused) reasons += each.reason + "; ";
  }
  EXPECT_THAT(reasons, AllOf(HasSubstr("asymmetric"), HasSubstr("uint8 codes")));
}

// Float activations stay as they are, with the reason.
TEST_F(Convert, FloatActivationsAreLeft) {
  const auto steps = bind_steps({"BlockQuantToLpbq"}, {"on_unsupported=leave"});
  ASSERT_TRUE(convert("nbits", "MatMulNBitsToQDQ", {"on_unsafe=recode"}).ok());
  auto graph = graph::load(out());
  ASSERT_TRUE(graph.ok());
  // The blocks of 32 over 64 inputs, whole ones, straight from the float input.
  graph::Graph model = *graph;
  model.nodes.clear();
  const auto zeros = [](DType dtype, tensor::Shape shape) {
    const tensor::TensorType type{dtype, std::move(shape)};
    return tensor::literal(type, std::vector<std::byte>(static_cast<size_t>(type.bytes())));
  };
  model.initializers = {{"q", zeros(DType::kInt4, {64, 16})},
                        {"s", tensor::floats({2, 16}, std::vector<float>(32, 0.5F))},
                        {"z", zeros(DType::kInt4, {2, 16})}};
  model.inputs = {{"x", DType::kFloat, {int64_t{1}, int64_t{64}}}};
  model.outputs = {{"y", DType::kFloat, {int64_t{1}, int64_t{16}}}};
  model.nodes.push_back({"",
                         "DequantizeLinear",
                         "dq",
                         {"q", "s", "z"},
                         {"w"},
                         {{"axis", int64_t{0}}, {"block_size", int64_t{32}}}});
  model.nodes.push_back({"", "MatMul", "product", {"x", "w"}, {"y"}, {}});
  ASSERT_TRUE(graph::save(model, folder_ / "float.onnx", {}).ok());
  const auto done = convert_file(folder_ / "float.onnx", folder_ / "lpbq.onnx", *steps, {});
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(done->steps[0].rewritten, 0);
  ASSERT_EQ(done->steps[0].declined.size(), 1u);
  EXPECT_FALSE(done->steps[0].declined[0].refused);
  EXPECT_THAT(done->steps[0].declined[0].reason, HasSubstr("integer activations"));
}

// Writing is a stage of bytes; ended in it, there is no model, and nothing beside it.
TEST_F(Convert, CanBeEndedAndLeavesNothing) {
  RecordingSink sink([](const RecordingSink& told) { return !told.stages.empty(); });
  const auto steps = bind_steps({"MatMulNBitsToQDQ"}, {"on_unsafe=keep"});
  ASSERT_TRUE(steps.ok());
  const auto done = convert_file(golden("nbits.onnx"), out(), *steps, {.work = sink.work()});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind, ErrorKind::kCancelled) << done.error().message();
  EXPECT_TRUE(fs::is_empty(folder_));
  EXPECT_FALSE(sink.stages.empty());
  for (const auto& stage : sink.stages) EXPECT_EQ(stage.unit, Unit::kBytes);
}

}  // namespace
}  // namespace lapidary::build
