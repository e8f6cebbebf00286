// BlockQuantToLpbq as the vendor's compiler sees it: killing the conversion makes these fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/source_dir.h"
#include "graph/fixed_shapes.h"
#include "graph/onnx_reader.h"
#include "htp/claims.h"
#include "htp/emulator.h"
#include "models.h"
#include "passes/lpbq/block_quant_to_lpbq.h"
#include "target/legality.h"
#include "target/record.h"
#include "tensor/expressions.h"

namespace lapidary::htp {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

std::vector<float> read_floats(const Graph& graph, const std::string& name) {
  return graph.initializers.at(name).to_floats().value();
}

class HtpLpbq : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = find_libraries();
    if (!found.ok()) GTEST_SKIP() << found.error().message();
    libraries_ = *found;
    const auto graph = graph::load(source_dir() / "tests/golden/convert/blocks.onnx");
    ASSERT_TRUE(graph.ok()) << graph.error().message();
    graph_ = *graph;
  }
  void TearDown() override { std::filesystem::remove_all(test_folder()); }

  // Without any provider option but the chip's.
  EmulatorRun run(const Graph& graph, const std::vector<ort::HostTensor>& inputs,
                  const std::string& arch = "v81") {
    const auto emulator = Emulator::create(libraries_, *target::resolve(arch, ""), {});
    EXPECT_TRUE(emulator.ok()) << emulator.error().message();
    const auto out = emulator->run(
        {.model = saved(graph, graph.name + arch + ".onnx"), .inputs = inputs, .dump = true},
        test_folder() / "run" / arch);
    EXPECT_TRUE(out.ok()) << out.error().message();
    return out.ok() ? *out : EmulatorRun();
  }

  Graph converted() const {
    const auto outcome = passes::block_quant_to_lpbq(
        graph_, {}, target::traits_of(target::resolve("v81", "").value()).value());
    EXPECT_TRUE(outcome.ok()) << outcome.error().message();
    return outcome.ok() ? outcome->graph : graph_;
  }

  Libraries libraries_;
  Graph graph_;
};

// The product of one MatMul (rank 2, blocks along axis 0), for the arithmetic model.
Graph only_matmul(const Graph& graph) {
  Graph out = graph;
  out.inputs.resize(1);
  out.outputs = {{"hd", DType::kFloat, shape_of({5, 48})}};
  graph::remove_unused(out);
  return out;
}

// Every product, Gemm and both convolutions among them, is LPBQ in the compiler's dump, and the
// whole graph computes what ONNX Runtime's CPU computes for it.
TEST_F(HtpLpbq, TheCompilerSeesLpbqInEveryProduct) {
  const Graph graph = converted();
  const std::vector<ort::HostTensor> inputs = {float_tensor("x", {5, 64}, gaussian(320, 1)),
                                               float_tensor("v", {1, 32, 6, 5}, gaussian(960, 2))};
  const auto reference =
      ort::Session::open(saved(graph, "cpu.onnx"),
                         {.threads = 1, .optimization = ort::Optimization::kNone})
          ->run(inputs);
  ASSERT_TRUE(reference.ok()) << reference.error().message();
  for (const char* arch : {"v73", "v81"}) {
    const EmulatorRun out = run(graph, inputs, arch);
    const auto claims = read_claims(out.graph_dumps);
    ASSERT_TRUE(claims.ok()) << claims.error().message();
    EXPECT_THAT(claims->encoding_counts(), Contains(Pair("BLOCKWISE_EXPANSION", 5u))) << arch;
    ASSERT_EQ(out.outputs.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_LT(relative_error(floats_of(out.outputs[i]), floats_of((*reference)[i])), 1e-3)
          << arch << " " << out.outputs[i].name;
    }
  }
}

// What the compiler is seen to compute right (the test above; the Gemm has blocks of 16, 48 inputs
// and 32 outputs) is nothing that the record calls wrong or refused: catches a rule that is wider
// than the fault it tells of.
TEST_F(HtpLpbq, LegalityTakesWhatTheCompilerTakes) {
  const Graph graph = converted();
  const auto shapes = graph::infer_shapes(graph);
  ASSERT_TRUE(shapes.ok()) << shapes.error().message();
  for (const target::Arch arch : {target::Arch::kV73, target::Arch::kV81}) {
    for (const target::Finding& finding :
         target::check(graph, *target::record_of(arch), shapes->shapes)) {
      EXPECT_NE(finding.verdict, target::Verdict::kWrong) << finding.rule << " " << finding.node;
      EXPECT_NE(finding.verdict, target::Verdict::kRefused) << finding.rule << " " << finding.node;
    }
  }
}

// The same graph without the pass is something else: what the first test sees is the pass's work.
TEST_F(HtpLpbq, WithoutThePassTheEncodingIsAnother) {
  const EmulatorRun out = run(only_matmul(graph_), {float_tensor("x", {5, 64}, gaussian(320, 1))});
  const auto claims = read_claims(out.graph_dumps);
  ASSERT_TRUE(claims.ok()) << claims.error().message();
  EXPECT_THAT(claims->encoding_counts(), Not(Contains(Key("BLOCKWISE_EXPANSION"))));
}

// y = sum of x * code * (block scale * channel scale), with x on its 16-bit grid: the model that
// the pass's errors are reckoned with.
TEST_F(HtpLpbq, TheProductEqualsTheArithmeticModel) {
  const Graph graph = only_matmul(converted());
  constexpr size_t kRows = 5;
  constexpr size_t kInputs = 64;
  constexpr size_t kOutputs = 48;
  const std::vector<float> x = gaussian(kRows * kInputs, 7);
  const EmulatorRun out = run(graph, {float_tensor("x", {5, 64}, x)});
  ASSERT_EQ(out.outputs.size(), 1u);
  const auto codes = graph.initializers.at("w.q_lpbq").materialize().value();
  const auto blocks = graph.initializers.at("w.q_lpbq_block_scale").to_integers().value();
  const auto channels = read_floats(graph, "w.q_lpbq_channel_scale");
  const float step = read_floats(graph, "xd.s").at(0);
  std::vector<float> wanted(kRows * kOutputs);
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t n = 0; n < kOutputs; ++n) {
      double sum = 0;
      for (size_t k = 0; k < kInputs; ++k) {
        const size_t at = k * kOutputs + n;
        const int nibble = std::to_integer<int>(codes[at / 2] >> (4 * (at % 2)) & std::byte{15});
        const double weight = ((nibble ^ 8) - 8) *
                              static_cast<double>(blocks[k / 16 * kOutputs + n]) *
                              double{channels[n]};
        sum += double{std::nearbyint(x[r * kInputs + k] / step)} * double{step} * weight;
      }
      wanted[r * kOutputs + n] = static_cast<float>(sum);
    }
  }
  EXPECT_LT(relative_error(floats_of(out.outputs[0]), wanted), 2e-4);
}

}  // namespace
}  // namespace lapidary::htp
