// The passes that make the HTP's decoder, one after the other on the tiny decoder: encodings that
// hold across graphs, and parts that compute what the whole does.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/testing/source_dir.h"
#include "checkpoint/checkpoint.h"
#include "gemma4/decoder.h"
#include "golden_check.h"
#include "pass_chain.h"
#include "passes/fixed_shapes/static_llm.h"
#include "passes/static_quantization/static_quantization.h"
#include "target/record.h"

namespace lapidary::golden {
namespace {

using contract::Role;
using graph::Graph;
using passes::GraphSet;
using passes::RoleGraph;
using ::testing::HasSubstr;

constexpr const char* kLowered = R"({"type": "LowerRotaryEmbedding"},
  {"type": "LowerRMSNormalization"})";
constexpr const char* kQuantized =
    R"({"type": "OnnxStaticQuantization", "activation_type": "uint16",
  "weight_type": "int8", "quantized_io": ["inputs_embeds", "per_layer_inputs", "attention_mask.*",
  "rotary_emb.*", "past_key_values.*", "present.*"]})";

std::string static_llm(const std::string& more = "") {
  return R"({"type": "StaticLLM", "context_length": 48, "prefill_length": 5,
             "calibration_length": 24)" +
         more + "}";
}

std::string list(const std::vector<std::string>& passes) {
  std::string out;
  for (const std::string& pass : passes) out += (out.empty() ? "[" : ", ") + pass;
  return out + "]";
}

Graph decoder(const std::string& checkpoint) {
  const auto root = source_dir();
  const auto source = take(checkpoint::Checkpoint::open(
      checkpoint == "tiny" ? root / "models/tiny-gemma4/checkpoint"
                           : root / "tests/golden/checkpoints" / checkpoint));
  return take(gemma4::build_decoder(source.config, source.weights));
}

const Graph& graph_of(const GraphSet& set, Role role) {
  const auto found = std::find_if(set.begin(), set.end(),
                                  [&](const RoleGraph& each) { return each.role == role; });
  if (found == set.end()) throw std::runtime_error(std::string("no graph ") + name_of(role));
  return found->graph;
}

std::set<std::string> values_of(const Graph& graph) {
  std::set<std::string> out;
  for (const auto& input : graph.inputs) out.insert(input.name);
  for (const auto& node : graph.nodes) out.insert(node.outputs.begin(), node.outputs.end());
  return out;
}

class DecoderGraphs : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    scratch_ =
        std::filesystem::path(testing::TempDir()) / ("decoder_graphs_" + std::to_string(getpid()));
    std::filesystem::create_directories(scratch_);
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }

  GraphSet make(const std::vector<std::string>& passes) const {
    return run_passes(decoder(GetParam()), list(passes), random_calibration(scratch_)).graphs;
  }

  // Outputs of the parts of `role`, each fed with what came before it.
  Values run_parts(const GraphSet& parts, Role role, Values values) const {
    Values outputs;
    for (const RoleGraph& each : parts) {
      if (each.role != role) continue;
      for (auto& [name, tensor] : run_graph(each.graph, encoded(each.graph, values), scratch_)) {
        values[name] = tensor;
        outputs[name] = std::move(tensor);
      }
    }
    return outputs;
  }

  std::filesystem::path scratch_;
};

// Catches names that differ between the graphs: a range found on the one is looked up in the
// others.
TEST_P(DecoderGraphs, TheCalibrationGraphMakesWhatTheOthersNeed) {
  const auto traits = take(target::traits_of(std::nullopt));
  for (const char* more : {"", R"(, "logit_softcap": "host")"}) {
    const GraphSet set = make({static_llm(more), kLowered});
    ASSERT_EQ(set.size(), 3U);
    const auto made = values_of(graph_of(set, Role::kCalibration));
    for (const Role role : {Role::kPrefill, Role::kDecode}) {
      for (const std::string& value :
           take(passes::values_to_calibrate(graph_of(set, role), {}, traits))) {
        if (value.starts_with("past_key_values.")) continue;
        EXPECT_TRUE(made.contains(value)) << value;
      }
    }
  }
}

// Catches a cache whose integers mean one thing where they are written and another where they are
// read, and weights stored twice because their names differ.
TEST_P(DecoderGraphs, EncodingsHoldAcrossGraphs) {
  for (const char* form : {"", R"(, "attention": "Attention")"}) {
    SCOPED_TRACE(form);
    const GraphSet set = make({static_llm(form), kLowered, kQuantized});
    ASSERT_EQ(set.size(), 2U);
    const Graph& prefill = set[0].graph;
    const Graph& decode = set[1].graph;
    for (const auto& [key, value] : prefill.metadata) {
      if (!key.starts_with("encoding:")) continue;
      EXPECT_EQ(value, decode.metadata.at(key)) << key;
    }
    for (const auto& [name, tensor] : prefill.initializers) {
      if (tensor.dtype() == DType::kInt64) continue;  // shapes
      ASSERT_TRUE(decode.initializers.contains(name)) << name;
      if (!name.ends_with("_scale") && !name.ends_with("_zero_point")) continue;
      EXPECT_EQ(take(tensor.materialize()), take(decode.initializers.at(name).materialize()))
          << name;
    }
    size_t caches = 0;
    for (const auto& output : decode.outputs) {
      const std::string prefix = "present.";
      if (!output.name.starts_with(prefix)) continue;
      ++caches;
      EXPECT_EQ(output.dtype, DType::kInt16);
      const std::string past = "past_key_values." + output.name.substr(prefix.size());
      const std::string& encoding = decode.metadata.at("encoding:" + output.name);
      EXPECT_THAT(encoding, HasSubstr("\"zero_point\":0"));
      EXPECT_EQ(encoding, decode.metadata.at("encoding:" + past));
      EXPECT_EQ(encoding, prefill.metadata.at("encoding:" + output.name));
    }
    EXPECT_GT(caches, 0U);
    for (const auto& input : decode.inputs) EXPECT_NE(input.dtype, DType::kFloat) << input.name;
  }
}

// Catches a value that is cut off, handed on before it is made, or encoded anew on the way.
TEST_P(DecoderGraphs, PartsComputeWhatTheWholeDoes) {
  const GraphSet floats = make({static_llm(), kLowered});
  const std::string chains[][3] = {{static_llm(), kLowered, ""},
                                   {static_llm(), kLowered, kQuantized}};
  for (const auto& chain : chains) {
    std::vector<std::string> passes = {chain[0], chain[1]};
    if (!chain[2].empty()) passes.push_back(chain[2]);
    const GraphSet whole = make(passes);
    for (const int count : {2, 3}) {
      SCOPED_TRACE(fmt::format("{} parts {}", count, chain[2]));
      auto split = passes;
      split.push_back(fmt::format(R"({{"type": "SplitModel", "num_splits": {}}})", count));
      const GraphSet parts = make(split);
      for (const Role role : {Role::kPrefill, Role::kDecode}) {
        const Graph& all = graph_of(whole, role);
        const Values inputs = random_inputs(graph_of(floats, role), 99);
        const Values expected = run_graph(all, encoded(all, inputs), scratch_);
        const Values actual = run_parts(parts, role, inputs);
        for (const auto& [name, tensor] : expected) {
          ASSERT_TRUE(actual.contains(name)) << name;
          EXPECT_EQ(actual.at(name).data, tensor.data) << name;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, DecoderGraphs,
                         testing::Values("tiny", "e4b_like", "no_sharing", "odd_window"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace lapidary::golden
