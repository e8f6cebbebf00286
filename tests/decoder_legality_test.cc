// The static decoder's graphs against the records of the HTP: nothing is left that a record says is
// refused, computed wrong or was never measured, for the tiny decoder and for E2B's own dims.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/json.h"
#include "base/testing/source_dir.h"
#include "checkpoint/checkpoint.h"
#include "gemma4/decoder.h"
#include "golden_check.h"
#include "graph/fixed_shapes.h"
#include "pass_chain.h"
#include "target/legality.h"
#include "zero_checkpoint.h"

namespace lapidary::golden {
namespace {

using graph::Graph;
using passes::RoleGraph;
using Path = std::filesystem::path;

const Path kSource = source_dir();

class DecoderLegality : public testing::Test {
 protected:
  void SetUp() override {
    scratch_ = Path(testing::TempDir()) / ("decoder_legality_" + std::to_string(getpid()));
    const auto tiny = take(checkpoint::Checkpoint::open(kSource / "models/tiny-gemma4/checkpoint"));
    decoders_.push_back(take(gemma4::build_decoder(tiny.config, tiny.weights)));
    const Json e2b = take(load_json(kSource / "tests/golden/config/e2b.json")).at("config");
    const auto config = take(checkpoint::Config::parse(e2b.dump(), "e2b.json"));
    decoders_.push_back(
        take(gemma4::build_decoder(config, zero_weights(config.text, scratch_ / "e2b"))));
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }

  // What all records have to say against the graphs that `passes` make, beside "lowered".
  std::string objections(const std::string& static_llm, const std::string& passes) const {
    std::string out;
    for (const Graph& decoder : decoders_) {
      const std::string list = R"([{"type": "StaticLLM", "context_length": 1024,
        "prefill_length": 64, "calibration_length": 96)" +
                               static_llm + R"(}, {"type": "LowerRotaryEmbedding"},
        {"type": "LowerRMSNormalization"})" +
                               passes + "]";
      for (const RoleGraph& each : run_passes(decoder, list, unit_calibration()).graphs) {
        for (const target::Arch arch : target::archs()) out += objections_to(each, arch);
      }
    }
    return out;
  }

 private:
  static std::string objections_to(const RoleGraph& each, target::Arch arch) {
    const auto shapes = take(graph::infer_shapes(each.graph)).shapes;
    const auto record = take(target::record_of(arch));
    std::string out;
    for (const auto& finding : target::check(each.graph, record, {shapes.begin(), shapes.end()})) {
      if (finding.verdict == target::Verdict::kLowered) continue;
      out += fmt::format("{} {} {}: {}\n", target::name_of(arch), passes::file_stem(each),
                         finding.node, finding.reason);
    }
    return out;
  }

  Path scratch_;
  std::vector<Graph> decoders_;
};

constexpr const char* kSplit = R"(, {"type": "SplitModel", "num_splits": 3})";
constexpr const char* kFloat16 = R"(, {"type": "OnnxFloatToFloat16"})";

std::string quantized(const std::string& more = "") {
  return R"(, {"type": "OnnxStaticQuantization", "quantized_io": ["inputs_embeds",
    "per_layer_inputs", "attention_mask.*", "rotary_emb.*", "past_key_values.*", "present.*"])" +
         more + "}";
}

TEST_F(DecoderLegality, Float) {
  EXPECT_EQ(objections("", ""), "");
  EXPECT_EQ(objections(R"(, "attention": "Attention", "logit_softcap": "host")", ""), "");
}

TEST_F(DecoderLegality, Float16) {
  EXPECT_EQ(objections("", std::string(kFloat16) + kSplit), "");
  EXPECT_EQ(objections(R"(, "attention": "Attention")", kFloat16), "");
}

TEST_F(DecoderLegality, Quantized) {
  EXPECT_EQ(objections("", quantized() + kSplit), "");
  EXPECT_EQ(objections(R"(, "attention": "Attention", "logit_softcap": "host")", quantized()), "");
}

// Islands of float16 between integers.
TEST_F(DecoderLegality, MixedPrecision) {
  EXPECT_EQ(objections("", quantized(R"(, "op_types_to_exclude": ["RMSNormalization"])") + kSplit),
            "");
  EXPECT_EQ(objections("", quantized(R"(, "op_types_to_exclude": ["Softmax", "Add"])")), "");
}

// Catches a check that says nothing whatever it is shown.
TEST_F(DecoderLegality, TheRecordsObjectToWhatTheyShould) {
  EXPECT_NE(objections("", quantized(R"(, "activation_type": "int8", "weight_type": "int16")")),
            "");
}

}  // namespace
}  // namespace lapidary::golden
