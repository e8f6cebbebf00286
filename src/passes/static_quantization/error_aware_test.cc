// Error-aware rounding in OnnxStaticQuantization: the bits of its weights, and which weights get
// it. That it lowers errors is tested where the arithmetic is (quant/error_aware_rounding_test.cc).

#include "weights/error_aware.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "passes/static_quantization/static_quantization.h"
#include "passes/test_graphs.h"
#include "quant/error_aware_rounding.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using quant::BlockMoments;
using quant::Moments;
using quant::RoundingFactors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Of channels that go together: x x^T summed over rows of random mixtures.
BlockMoments moments_of(int64_t channels, int64_t block_size, uint32_t seed) {
  BlockMoments out{channels, block_size, 40, {}};
  out.sums.resize(static_cast<size_t>(out.blocks() * block_size * block_size));
  const std::vector<float> mix = test_weights(4 * channels, seed);
  for (uint32_t row = 0; row < 40; ++row) {
    const std::vector<float> cause = test_weights(4, seed + 1000 + row);
    std::vector<float> x = test_weights(channels, seed + 5000 + row);
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] *= 0.1F;
      for (size_t c = 0; c < 4; ++c) x[i] += cause[c] * mix[c * x.size() + i];
    }
    for (int64_t b = 0; b < out.blocks(); ++b) {
      const auto width = static_cast<size_t>(out.width(b));
      const float* part = &x[static_cast<size_t>(b * block_size)];
      float* sums = &out.sums[static_cast<size_t>(b * block_size * block_size)];
      for (size_t i = 0; i < width; ++i) {
        for (size_t j = 0; j < width; ++j) sums[i * width + j] += part[i] * part[j];
      }
    }
  }
  return out;
}

std::shared_ptr<RoundingFactors> factors_of(int64_t channels, int64_t block_size) {
  return std::make_shared<RoundingFactors>(
      std::make_shared<BlockMoments>(moments_of(channels, block_size, 7)));
}

int nibble(const std::vector<std::byte>& codes, size_t i) {
  return std::to_integer<int>(codes[i / 2]) >> (i % 2 * 4) & 15;
}

// Whether a scale is negative is asked of each weight in a plan; to answer it by reading would read
// the checkpoint.
TEST(ErrorAwareWeight, ItsScalesAreKnownToBePositiveUnread) {
  const tensor::Tensor weight = tensor::floats({6, 2}, test_weights(12, 3));
  const weights::AffineWeight plain =
      weights::quantize_channels(weight, 1, DType::kInt8, quant::ScaleSearch::kMse);
  const weights::AffineWeight aware =
      weights::round_channels_error_aware(weight, DType::kInt8, factors_of(6, 4));
  for (const weights::AffineWeight* each : {&plain, &aware}) {
    const auto bound = each->scale.lower_bound();
    ASSERT_TRUE(bound.has_value());
    const std::vector<float> scales = each->scale.to_floats().value();
    for (const float scale : scales) {
      EXPECT_GE(scale, *bound);
      EXPECT_GT(scale, 0.0F);
    }
  }
}

// However a weight is cut when it is written, its codes are those of whole blocks: catches a block
// that is rounded from the middle on, and columns that land elsewhere.
TEST(ErrorAwareWeight, CutsDoNotShow) {
  const int64_t k = 90, n = 1100;  // blocks of 32, 32 and 26 rows; more columns than one reading
  const std::vector<float> values = test_weights(k * n, 3);
  const auto factors = factors_of(k, 32);
  const weights::AffineWeight w =
      weights::round_channels_error_aware(tensor::floats({k, n}, values), DType::kInt4, factors);
  const std::vector<float> scales = w.scale.to_floats().value();
  const std::vector<std::byte> codes = w.codes.materialize().value();
  const auto row = static_cast<size_t>(n);
  bool differs_from_nearest = false;
  for (int64_t b = 0; b < 3; ++b) {
    const auto width = static_cast<size_t>(factors->moments().width(b));
    const size_t first = static_cast<size_t>(b) * 32 * row;
    std::vector<int32_t> expected(width * row);
    quant::round_error_aware(std::span(values).subspan(first, width * row),
                             *factors->block(b).value(), scales, {-7, 7}, expected);
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(nibble(codes, first + i), expected[i] & 15) << b << ", " << i;
      const int32_t nearest = quant::code_of(values[first + i], {scales[i % row], 0}, {-7, 7});
      differs_from_nearest = differs_from_nearest || nearest != expected[i];
    }
  }
  EXPECT_TRUE(differs_from_nearest);
  for (const tensor::Box& box :
       {tensor::Box{31, 33, 0, n}, tensor::Box{5, 90, 1022, 1028}, tensor::Box{64, 65, 2, 4}}) {
    std::vector<std::byte> part(static_cast<size_t>(box.rows() * box.cols() / 2));
    ASSERT_TRUE(w.codes.producer()->read_box(box, part).ok());
    size_t i = 0;
    for (int64_t r = box.row_begin; r < box.row_end; ++r) {
      for (int64_t c = box.col_begin; c < box.col_end; ++c, ++i) {
        ASSERT_EQ(nibble(part, i), nibble(codes, static_cast<size_t>(r * n + c))) << r << ", " << c;
      }
    }
  }
  EXPECT_EQ(w.codes.dtype(), DType::kInt4);
  EXPECT_EQ(w.zero_point.shape(), (tensor::Shape{n}));
}

TEST(ErrorAwareWeight, WeightsThatAreNotFiniteAreErrors) {
  std::vector<float> values = test_weights(32, 3);
  values[9] = std::numeric_limits<float>::infinity();
  const weights::AffineWeight w = weights::round_channels_error_aware(
      tensor::floats({8, 4}, values), DType::kInt8, factors_of(8, 8));
  EXPECT_FALSE(w.codes.materialize().ok());
  EXPECT_FALSE(w.scale.materialize().ok());
}

quant::Ranges ranges_for(const Graph& graph, const StaticQuantizationOptions& options) {
  quant::Ranges out;
  const auto values = values_to_calibrate(graph, options, htp()).value();
  for (const std::string& value : values) {
    EXPECT_TRUE(out.set(value, {-1, 1}).ok());
  }
  return out;
}

StaticQuantizationOptions error_aware_options() {
  StaticQuantizationOptions out;
  out.weight_type = DType::kInt4;
  out.weight_rounding = WeightRounding::kErrorAware;
  out.node_overrides = {{"o/*", {{}, DType::kInt8, {}, WeightRounding::kNearest}}};
  return out;
}

TEST(ErrorAwareStaticQuantization, ProductsAreRoundedByTheMomentsOfTheirInputs) {
  const Graph graph = attention_graph();
  const StaticQuantizationOptions options = error_aware_options();
  EXPECT_THAT(values_for_moments(graph, options, htp()).value(),
              ElementsAre("norm/RMSNormalization"));
  auto moments = std::make_shared<Moments>();
  moments->emplace("norm/RMSNormalization", moments_of(kTestWidth, 8, 21));
  const auto out =
      static_quantization(graph, ranges_for(graph, options), options, htp(), moments).value();
  EXPECT_TRUE(out.declined.empty());
  const auto factors = std::make_shared<RoundingFactors>(
      std::make_shared<BlockMoments>(moments->at("norm/RMSNormalization")));
  for (const char* name : {"q.weight", "k.weight", "v.weight"}) {
    const weights::AffineWeight expected =
        weights::round_channels_error_aware(graph.initializers.at(name), DType::kInt4, factors);
    const std::string codes = std::string(name) + "_int4_error_aware";
    EXPECT_EQ(out.graph.initializers.at(codes).materialize().value(),
              expected.codes.materialize().value());
    EXPECT_EQ(out.graph.initializers.at(codes + "_scale").to_floats().value(),
              expected.scale.to_floats().value());
    EXPECT_THAT(out.graph.metadata.at("quantization:" + codes), HasSubstr("error-aware"));
  }
  EXPECT_TRUE(out.graph.initializers.contains("o.weight_int8"));
}

// A plan knows no moments, and its figures must be those of the build.
TEST(ErrorAwareStaticQuantization, WithoutAnyMomentsNamesAndBytesAreTheSame) {
  const Graph graph = attention_graph();
  const StaticQuantizationOptions options = error_aware_options();
  auto moments = std::make_shared<Moments>();
  moments->emplace("norm/RMSNormalization", moments_of(kTestWidth, 8, 21));
  const quant::Ranges ranges = ranges_for(graph, options);
  const auto built = static_quantization(graph, ranges, options, htp(), moments).value();
  const auto planned =
      static_quantization(graph, ranges, options, htp(), std::make_shared<Moments>()).value();
  EXPECT_TRUE(planned.declined.empty());
  ASSERT_EQ(built.graph.initializers.size(), planned.graph.initializers.size());
  for (const auto& [name, tensor] : built.graph.initializers) {
    EXPECT_EQ(planned.graph.initializers.at(name).type(), tensor.type()) << name;
  }
}

TEST(ErrorAwareStaticQuantization, WhatCannotBeRoundedSoIsNamed) {
  graph::Builder b("g");
  const graph::Ref x = b.input("x", DType::kFloat, {int64_t{4}, int64_t{8}});
  const graph::Ref rows = b.weight("a.weight", tensor::floats({8, 8}, test_weights(64, 1)));
  const graph::Ref columns = b.weight("b.weight", tensor::floats({8, 8}, test_weights(64, 2)));
  const graph::Ref y = b.op("Gemm", {x, rows}, "a", {{"transB", int64_t{1}}});
  b.output("y", b.op("MatMul", {y, columns}, "b"), DType::kFloat, {int64_t{4}, int64_t{8}});
  const Graph graph = std::move(b).finish();
  StaticQuantizationOptions options;
  options.weight_rounding = WeightRounding::kErrorAware;
  EXPECT_THAT(values_for_moments(graph, options, htp()).value(), ElementsAre("a/Gemm"));
  auto moments = std::make_shared<Moments>();
  moments->emplace("x", moments_of(8, 8, 1));
  const auto out =
      static_quantization(graph, ranges_for(graph, options), options, htp(), moments).value();
  ASSERT_EQ(out.declined.size(), 2U);
  EXPECT_EQ(out.rewritten, 2);
  EXPECT_THAT(out.declined[0].node, "a/Gemm");
  EXPECT_THAT(out.declined[0].reason, HasSubstr("[inputs, outputs]"));
  EXPECT_THAT(out.declined[1].node, "b/MatMul");
  EXPECT_THAT(out.declined[1].reason, HasSubstr("second moments"));
}

// In a recipe: asked of the calibration graph, once, for what the others compute; and one weight of
// several graphs has one set of codes.
TEST(ErrorAwareStaticQuantization, ThePassAsksTheCalibrationGraph) {
  auto document = JsonDocument::parse(R"({"weight_type": "int4", "weight_rounding": "error_aware",
                                          "data_config": "chats"})",
                                      "recipe.json")
                      .value();
  JsonReader reader = document.root();
  const BoundPass pass = bind_static_quantization(reader);
  const Status read = document.finish();
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(pass.options.at("weight_rounding"), "error_aware");

  GraphSet graphs(3);
  for (RoleGraph& each : graphs) each.graph = attention_graph();
  graphs[0].role = Role::kPrefill;
  graphs[1].role = Role::kDecode;
  graphs[2].role = Role::kCalibration;
  graphs[2].graph.name = "observed";
  PassContext context;
  context.traits = htp();
  context.calibrate = [](const CalibrationRequest& request) -> Result<quant::Ranges> {
    quant::Ranges out;
    for (const std::string& value : request.values) LAP_RETURN_IF_ERROR(out.set(value, {-1, 1}));
    return out;
  };
  const auto without = pass.run(graphs, context);
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.error().message(), HasSubstr("weight_rounding"));

  int asked = 0;
  context.moments = [&](const MomentRequest& request) {
    ++asked;
    EXPECT_EQ(request.graph.name, "observed");
    EXPECT_EQ(request.data_config, "chats");
    EXPECT_THAT(request.values, ElementsAre("norm/RMSNormalization", "mixed/MatMul"));
    auto out = std::make_shared<Moments>();
    for (const std::string& value : request.values) {
      out->emplace(value, moments_of(kTestWidth, request.block_size, 4));
    }
    return Result<std::shared_ptr<const Moments>>(std::move(out));
  };
  const auto result = pass.run(graphs, context);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(asked, 1);
  ASSERT_EQ(result->graphs.size(), 2U);
  EXPECT_TRUE(result->declined.empty());
  const std::string name = "o.weight_int4_error_aware";
  EXPECT_EQ(result->graphs[0].graph.initializers.at(name).materialize().value(),
            result->graphs[1].graph.initializers.at(name).materialize().value());
}

}  // namespace
}  // namespace lapidary::passes
