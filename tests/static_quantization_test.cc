// Calibration and OnnxStaticQuantization together, on ONNX Runtime's CPU: what the integer graphs
// compute against what the float graphs compute.
#include "passes/static_quantization/static_quantization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/testing/source_dir.h"
#include "calibration/calibrate.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "gemma4/vision_encoder.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"
#include "passes/test_graphs.h"

namespace lapidary::golden {
namespace {

using graph::Graph;
using ort::HostTensor;
using passes::StaticQuantizationOptions;
using Sample = std::vector<HostTensor>;

template <typename T>
HostTensor tensor_of(const std::string& name, DType type, std::vector<int64_t> shape,
                     const std::vector<T>& values) {
  HostTensor out{name, type, std::move(shape), std::vector<std::byte>(values.size() * sizeof(T))};
  std::memcpy(out.data.data(), values.data(), out.data.size());
  return out;
}

std::vector<float> floats_of(const HostTensor& tensor) {
  std::vector<float> out(tensor.data.size() / sizeof(float));
  std::memcpy(out.data(), tensor.data.data(), tensor.data.size());
  return out;
}

class Samples final : public calibration::SampleSource {
 public:
  explicit Samples(const std::vector<Sample>& samples) : samples_(samples) {}
  Result<std::optional<Sample>> next() override {
    if (at_ == samples_.size()) return std::optional<Sample>{};
    return std::optional<Sample>(samples_[at_++]);
  }
  Status rewind() override {
    at_ = 0;
    return {};
  }

 private:
  const std::vector<Sample>& samples_;
  size_t at_ = 0;
};

class StaticQuantization : public testing::Test {
 protected:
  void SetUp() override {
    scratch_ = std::filesystem::path(testing::TempDir()) /
               ("static_quantization_" + std::to_string(getpid()));
    std::filesystem::create_directories(scratch_);
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }

  passes::PassOutcome quantize(const Graph& graph, const std::vector<Sample>& samples,
                               const StaticQuantizationOptions& options) const {
    Samples source(samples);
    const auto values = take(passes::values_to_calibrate(graph, options, passes::htp()));
    const calibration::RunOptions run{.scratch = scratch_, .work = {.threads = 1}};
    const auto ranges = take(calibration::calibrate(graph, values, source, {}, run));
    return take(passes::static_quantization(graph, ranges, options, passes::htp()));
  }

  std::vector<HostTensor> run(const Graph& graph, const Sample& sample) const {
    const auto path = scratch_ / "model.onnx";
    take(graph::save(graph, path, {}));
    const auto session = take(ort::Session::open(path, {.threads = 1, .spinning = false}));
    return take(session.run(sample));
  }

  // The least cosine between rows of output `k`, `width` values long.
  double least_cosine(const Graph& a, const Graph& b, const Sample& sample, size_t k,
                      size_t width) const {
    const auto left = floats_of(run(a, sample)[k]);
    const auto right = floats_of(run(b, sample)[k]);
    return lowest_cosine(left, right, width);
  }

  std::filesystem::path scratch_;
};

Sample attention_sample(uint32_t seed) {
  using namespace passes;  // NOLINT(google-build-using-namespace): the graph's sizes
  return {tensor_of("x", DType::kFloat, {kTestRows, kTestWidth},
                    test_weights(kTestRows * kTestWidth, seed)),
          tensor_of("past", DType::kFloat, {kTestPast, kTestWidth},
                    test_weights(kTestPast * kTestWidth, seed + 1))};
}

std::vector<Sample> attention_samples() {
  std::vector<Sample> out;
  for (uint32_t i = 0; i < 6; ++i) out.push_back(attention_sample(100 + 17 * i));
  return out;
}

int64_t count(const Graph& g, const std::string& op) {
  return std::count_if(g.nodes.begin(), g.nodes.end(),
                       [&](const graph::Node& n) { return n.op_type == op; });
}

// With 16-bit weights next to nothing is lost: catches a range, scale or zero point of another
// value. Rows of 16 random weights lose more to 8 bits than a model's do.
TEST_F(StaticQuantization, AttentionBlockComputesTheSame) {
  const Graph graph = passes::attention_graph();
  const auto samples = attention_samples();
  const auto w8 = quantize(graph, samples, {});
  EXPECT_EQ(w8.rewritten, static_cast<int64_t>(graph.nodes.size()));
  EXPECT_TRUE(w8.declined.empty());
  StaticQuantizationOptions options;
  options.weight_type = DType::kInt16;
  const auto w16 = quantize(graph, samples, options);
  for (const size_t output : {0U, 1U}) {
    EXPECT_GE(least_cosine(graph, w16.graph, samples[2], output, passes::kTestWidth), 0.9999999);
    EXPECT_GE(least_cosine(graph, w8.graph, samples[2], output, passes::kTestWidth), 0.9995);
  }
}

// Mixed precision in one graph: 8-bit scores, 4-bit and 16-bit weights, a float island, and it
// still runs. 8 bits everywhere must be clearly worse than 16, or the comparison sees nothing.
TEST_F(StaticQuantization, MixedPrecisionRuns) {
  const Graph graph = passes::attention_graph();
  const auto samples = attention_samples();
  StaticQuantizationOptions mixed;
  mixed.tensor_overrides = {{"scores/*", {DType::kUint8, {}, {}}}};
  mixed.node_overrides = {{"q/*", {{}, DType::kInt16, {}, {}}},
                          {"v/*", {{}, DType::kInt4, quant::ScaleSearch::kMse, {}}}};
  mixed.op_types_to_exclude = {"RMSNormalization"};
  mixed.nodes_to_exclude = {"o/*"};
  EXPECT_GE(least_cosine(graph, quantize(graph, samples, mixed).graph, samples[0], 1, 16), 0.99);

  StaticQuantizationOptions coarse;
  coarse.activation_type = DType::kUint8;
  const double of_8 =
      least_cosine(graph, quantize(graph, samples, coarse).graph, samples[0], 1, 16);
  const double of_16 = least_cosine(graph, quantize(graph, samples, {}).graph, samples[0], 1, 16);
  EXPECT_GE(of_8, 0.99);
  EXPECT_LT(1 - of_16, (1 - of_8) / 2);
}

// The encodings in the metadata are those that the ports have.
TEST_F(StaticQuantization, IntegerPortsRun) {
  const Graph graph = passes::attention_graph();
  const auto samples = attention_samples();
  StaticQuantizationOptions options;
  options.quantized_io = {"past", "present"};
  const Graph integer = quantize(graph, samples, options).graph;
  const Json encoding = take(parse_json(integer.metadata.at("encoding:past"), "encoding"));
  const quant::Affine affine{encoding.at("scale").get<float>(),
                             encoding.at("zero_point").get<int32_t>()};
  Sample sample = samples[1];
  const auto past = floats_of(sample[1]);
  sample[1].type = DType::kInt16;
  sample[1].data.resize(past.size() * 2);
  ASSERT_TRUE(quant::quantize(past, affine, DType::kInt16, sample[1].data).ok());

  const auto outputs = run(integer, sample);
  ASSERT_EQ(outputs[0].type, DType::kInt16);
  std::vector<float> present(outputs[0].data.size() / 2);
  ASSERT_TRUE(quant::dequantize(outputs[0].data, affine, DType::kInt16, present).ok());
  const auto expected = run(graph, samples[1]);
  EXPECT_GE(cosine(present, floats_of(expected[0])), 0.99999);
  EXPECT_GE(cosine(floats_of(outputs[1]), floats_of(expected[1])), 0.9999);
}

// Outliers of real size, as a norm's one large weight makes them: catches a factor that a norm, a
// gate or the layer's scalar sees. As integers the stream rounds off all but the outliers.
TEST_F(StaticQuantization, ResidualStreamInFloat16KeepsWhatIntegersRoundOff) {
  Graph graph = passes::residual_graph();
  std::vector<float> gamma = take(graph.initializers.at("post_norm.weight").to_floats());
  gamma[3] = 3e4F;
  graph.initializers["post_norm.weight"] = tensor::floats({passes::kTestWidth}, gamma);
  std::vector<Sample> samples;
  for (uint32_t i = 0; i < 4; ++i) {
    samples.push_back({tensor_of("x", DType::kFloat, {4, passes::kTestWidth},
                                 passes::test_weights(4 * passes::kTestWidth, 300 + i))});
  }
  StaticQuantizationOptions options;
  options.weight_type = DType::kInt16;
  const auto integers = quantize(graph, samples, options);
  options.residual_stream = passes::ResidualType::kFloat16;
  const auto halves = quantize(graph, samples, options);
  const double of_integers = least_cosine(graph, integers.graph, samples[0], 0, passes::kTestWidth);
  const double of_halves = least_cosine(graph, halves.graph, samples[0], 0, passes::kTestWidth);
  EXPECT_GE(of_halves, 0.99999);
  EXPECT_LE(of_halves, 1.0000001);
  EXPECT_GE(of_halves, of_integers);
}

// The sample image of the vision goldens, 630 patches with padding, as byte -> gain * byte / 255,
// or its negative for a gain below zero.
Sample sample_image(int64_t per_patch, float gain) {
  const auto folder = source_dir() / "tests/golden/vision";
  const auto file = take(MappedFile::open(folder / "sample.u8"));
  const Json cases = take(load_json(folder / "tiny.json")).at("cases");
  const auto positions =
      cases.back().at("positions").at(0).get<std::vector<std::vector<int64_t>>>();
  std::vector<float> pixels(positions.size() * static_cast<size_t>(per_patch));
  std::vector<int64_t> flat;
  auto to = pixels.begin();
  size_t from = 0;
  for (const auto& xy : positions) {
    flat.insert(flat.end(), xy.begin(), xy.end());
    for (int64_t i = 0; i < per_patch; ++i, ++to) {
      if (xy[0] < 0) continue;
      const float x =
          gain * static_cast<float>(std::to_integer<int>(file->bytes()[from++])) / 255.0F;
      *to = gain < 0 ? 1 + x : x;
    }
  }
  const auto patches = static_cast<int64_t>(positions.size());
  return {tensor_of("pixel_values", DType::kFloat, {1, patches, per_patch}, pixels),
          tensor_of("pixel_position_ids", DType::kInt64, {1, patches, 2}, flat)};
}

// A whole encoder. Its attention operator and the key masks of -1e9 that it wants stay float, which
// lets islands and integers meet in every layer. With 16-bit weights what is left is the
// activations' error; with 8 bits the weights' dominates.
TEST_F(StaticQuantization, VisionEncoderKeepsItsFeatures) {
  const auto folder = source_dir() / "models/tiny-gemma4/checkpoint";
  const auto config = take(checkpoint::Config::load(folder / "config.json"));
  const auto weights = take(checkpoint::Weights::open(folder));
  const Graph graph = take(gemma4::build_vision_encoder(config, weights));
  const int64_t per_patch = config.vision->patch_elements();
  const auto width = static_cast<size_t>(config.text.hidden_size);
  const std::vector<Sample> samples = {sample_image(per_patch, 1.0F), sample_image(per_patch, 0.5F),
                                       sample_image(per_patch, -1.0F)};
  const Sample unseen = sample_image(per_patch, 0.75F);
  StaticQuantizationOptions options;
  options.nodes_to_exclude = {"*attention*"};
  const auto w8 = quantize(graph, samples, options);
  EXPECT_GE(count(w8.graph, "QuantizeLinear"), 80);
  options.weight_type = DType::kInt16;
  const auto w16 = quantize(graph, samples, options);
  EXPECT_GE(least_cosine(graph, w16.graph, samples[0], 0, width), 0.999999);
  EXPECT_GE(least_cosine(graph, w8.graph, samples[0], 0, width), 0.9999);
  EXPECT_GE(least_cosine(graph, w16.graph, unseen, 0, width), 0.9999);
  EXPECT_GE(least_cosine(graph, w8.graph, unseen, 0, width), 0.9995);
}

}  // namespace
}  // namespace lapidary::golden
