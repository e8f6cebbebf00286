// The forms of a checkpoint that people hold (docs/checkpoints.md): whatever the tensors are called
// and wherever the text model lies, its tokens are those that transformers gives for the plain
// checkpoint; and codes of 4 bits that a checkpoint brings along are the package's.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/testing/recording_sink.h"
#include "base/testing/source_dir.h"
#include "build/build.h"
#include "built_model.h"
#include "checkpoint/test_files.h"
#include "checkpoint/test_tensors.h"
#include "golden_check.h"
#include "golden_file.h"
#include "package/package.h"
#include "recipe/recipe.h"
#include "runtime/decoder.h"

namespace lapidary::golden {
namespace {

using checkpoint::TempDir;
using checkpoint::TestTensors;
using ::testing::Contains;
using ::testing::HasSubstr;

const std::string kText = "model.language_model.";

std::vector<int64_t> greedy_tokens(const BuiltModel& model, const Case& one) {
  const auto length = static_cast<int64_t>(one.input_ids.size() + one.tokens.size());
  auto decoder =
      take(runtime::Decoder::create(model, {.max_context = length, .chunk = 64, .rewind_rows = 0}));
  std::vector<int64_t> out;
  auto logits = take(decoder.prefill(
      engine::Prompt(std::vector<int32_t>(one.input_ids.begin(), one.input_ids.end()))));
  while (out.size() < one.tokens.size()) {
    const auto best = std::max_element(logits.begin(), logits.end());
    out.push_back(best - logits.begin());
    const auto token = static_cast<int32_t>(out.back());
    logits = take(decoder.step(std::span(&token, 1)));
  }
  return out;
}

struct Layout {
  std::string name;
  bool text_alone;
  std::function<std::string(const std::string&)> rename;
};

std::string in_text(const std::string& name) { return name.substr(kText.size()); }

Layout prefixed(const std::string& name, const std::string& prefix) {
  return {name, false, [prefix](const std::string& tensor) { return prefix + tensor; }};
}

Layout text_alone(const std::string& name, const std::string& prefix) {
  return {name, true, [prefix](const std::string& tensor) { return prefix + in_text(tensor); }};
}

std::vector<Layout> layouts() {
  return {
      {"as_saved", false, [](const std::string& name) { return name; }},
      {"bare_model", false, [](const std::string& name) { return name.substr(6); }},
      {"before_transformers_4_52", false,
       [](const std::string& name) {
         return name.starts_with(kText) ? "language_model.model." + in_text(name) : name.substr(6);
       }},
      prefixed("peft", "base_model.model."),
      prefixed("data_parallel", "module."),
      prefixed("compiled_and_wrapped", "module._orig_mod."),
      text_alone("causal_lm", "model."),
      text_alone("bare_text_model", ""),
      text_alone("twice_model", "model.model."),
      text_alone("causal_lm_of_peft", "base_model.model.model."),
  };
}

class GoldenLayouts : public testing::TestWithParam<Layout> {};

// Catches a layout whose tensors get into each other's place, or that leaves some out.
TEST_P(GoldenLayouts, GiveTheTokensOfThePlainCheckpoint) {
  const Layout& layout = GetParam();
  TestTensors tensors = TestTensors::tiny();
  if (layout.text_alone) {
    std::erase_if(tensors.all, [](const auto& each) { return !each.first.starts_with(kText); });
  }
  tensors.rename(layout.rename);
  TempDir dir;
  tensors.write_checkpoint(dir);
  if (layout.text_alone) {
    const Json config = take(load_json(dir.path() / "config.json"));
    Json text = config.at("text_config");
    text["model_type"] = "gemma4_text";
    text["architectures"] = Json::array({"Gemma4ForCausalLM"});
    checkpoint::replace(dir, "config.json", text.dump());
  }
  const GoldenFile golden = take(read_golden("tiny"));
  TempDir scratch;
  const BuiltModel model = take(build_model(dir.path(), scratch.path()));
  EXPECT_EQ(greedy_tokens(model, golden.cases.at(0)), golden.cases.at(0).tokens);
}

INSTANTIATE_TEST_SUITE_P(Forms, GoldenLayouts, testing::ValuesIn(layouts()),
                         [](const auto& instance) { return instance.param.name; });

// Matrices of the decoder as MatMulNBits in blocks of 32; the rest stays float32.
std::string recipe_of(int bits, const std::string& nodes) {
  return fmt::format(R"({{
    "input_model": {{"type": "HfModel"}},
    "passes": {{
      "build": {{"type": "MobiusBuilder", "precision": "fp32"}},
      "matmuls": {{"type": "OnnxKQuantQuantization", "components": ["decoder"], "bits": {},
                   "block_size": 32, "nodes_to_include": {}}}}}}})",
                     bits, nodes);
}

const std::string kLayers = R"(["*self_attn*", "*mlp*"])";

struct Packed {
  std::string checkpoint;
  int bits;
  std::string nodes;
  size_t tensors;  // that keep their codes
};

class GoldenGrids : public testing::Test {
 protected:
  Result<build::BuildSummary> build(const Packed& form) {
    build::BuildOptions options{
        .checkpoint = source_dir() / "tests/golden/checkpoints" / form.checkpoint,
        .output = dir_.path() / "package",
        .force = true,
        .require_grid = true};
    options.work.progress = &sink_;
    return build::build_package(
        take(recipe::parse_recipe(recipe_of(form.bits, form.nodes), {.name = "r", .where = "r"})),
        options);
  }
  BuiltModel opened() const {
    return take(engine::TextGraphs::open(take(package::Package::open(dir_.path() / "package")),
                                         {.threads = 1}));
  }

  RecordingSink sink_;
  TempDir dir_;
};

size_t kept_codes(const build::BuildSummary& summary) {
  size_t out = 0;
  for (const auto& component : summary.components) {
    for (const auto& pass : component.passes) out += pass.grids.kept.size();
  }
  return out;
}

// Catches codes that are rounded anew (the tokens of transformers are those of the stored values,
// and random weights forgive nothing), and a --require-grid that refuses what is kept.
TEST_F(GoldenGrids, CodesOfTheCheckpointAreThePackages) {
  for (const Packed& form : {
           Packed{"int4_group", 4, kLayers, 35}, Packed{"int4_group_asymmetric", 4, kLayers, 35},
           Packed{"gguf_32.gguf", 4, R"(["*q_proj*", "*o_proj*"])", 4},  // Q4_0 and Q4_1
           Packed{"gguf_32.gguf", 8, R"(["*k_proj*"])", 2},              // Q8_0
       }) {
    SCOPED_TRACE(form.checkpoint);
    const auto summary = build(form);
    ASSERT_TRUE(summary.ok()) << summary.error().message();
    EXPECT_EQ(kept_codes(*summary), form.tensors);
    const GoldenFile golden =
        take(read_golden(std::filesystem::path(form.checkpoint).stem().string()));
    for (const Case& one : golden.cases) EXPECT_EQ(greedy_tokens(opened(), one), one.tokens);
  }
}

// bfloat16 has rounded each value once; the steps behind them are found for every block.
TEST_F(GoldenGrids, EveryBlockOfQuantizationAwareWeightsIsRecovered) {
  const auto summary = build({"qat_q4_0", 4, kLayers, 35});
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_EQ(kept_codes(*summary), 35U);
  EXPECT_THAT(sink_.notes, Contains(HasSubstr("100.00 % of the blocks lie on a grid")));
  const GoldenFile golden = take(read_golden("qat_q4_0"));
  const Case& one = golden.cases.at(0);
  EXPECT_EQ(greedy_tokens(opened(), one), one.tokens);
}

TEST_F(GoldenGrids, WeightsWithoutAGridAreRefusedWhereOneIsRequired) {
  const auto summary = build({"no_sharing", 4, kLayers, 0});
  ASSERT_FALSE(summary.ok());
  EXPECT_EQ(summary.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(summary.error().message(), HasSubstr("lies on no grid"));
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / "package"));
}

}  // namespace
}  // namespace lapidary::golden
