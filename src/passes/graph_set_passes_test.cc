// StaticLLM and OnnxStaticQuantization over a component's set of graphs: which graphs there are,
// what is asked of the calibrator, and that what has one name has one encoding.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "contract/notes.h"
#include "graph/builder.h"
#include "passes/fixed_shapes/static_llm.h"
#include "passes/static_quantization/static_quantization.h"
#include "passes/test_graphs.h"
#include "tensor/expressions.h"
#include "tensor/testing/unreadable.h"

namespace lapidary::passes {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Ref;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using Bind = BoundPass (*)(JsonReader&);

// The pass, or the message of what is wrong with its options.
Result<BoundPass> bound(Bind bind, const std::string& json) {
  const auto document = JsonDocument::parse(json, "recipe").value();
  JsonReader reader = document.root();
  BoundPass pass = bind(reader);
  LAP_RETURN_IF_ERROR(document.finish());
  return pass;
}

std::string message(Bind bind, const std::string& json) {
  const auto pass = bound(bind, json);
  return pass.ok() ? "accepted" : pass.error().message();
}

GraphSet one(Graph graph, Role role = Role::kModel) {
  GraphSet out;
  out.push_back({role, 0, std::move(graph)});
  return out;
}

std::vector<std::string> stems(const GraphSet& set) {
  std::vector<std::string> out;
  for (const RoleGraph& each : set) out.push_back(file_stem(each));
  return out;
}

// A decoder of one layer without attention: logits = cap * tanh(x w / cap), or without the cap.
Graph decoder(bool capped = true) {
  Builder b("decoder");
  const Ref x = b.input("inputs_embeds", DType::kFloat, {"batch", "sequence_len", int64_t{2}});
  b.input("attention_mask", DType::kInt64, {"batch", "total_sequence_len"});
  Ref y = b.op("MatMul", {x, b.weight("w", tensor::floats({2, 2}, {1, 2, 3, 4}))}, "lm_head");
  if (capped) {
    const Ref cap = b.constant_scalar(30.0F);
    y = b.op("Mul", {b.op("Tanh", {b.op("Div", {y, cap}, "cap")}, "cap"), cap}, "cap");
  }
  b.output("logits", y, DType::kFloat, {"batch", "kept_len", int64_t{2}});
  b.output("present.0.key", b.op("Neg", {x}), DType::kFloat,
           {"batch", "total_sequence_len", int64_t{2}});
  return std::move(b).finish();
}

GraphSet fixed_set(const std::string& options, Graph graph) {
  auto outcome = bound(&bind_static_llm, options)->run(one(std::move(graph)), {});
  EXPECT_TRUE(outcome.ok()) << outcome.error().message();
  return outcome.ok() ? std::move(outcome->graphs) : GraphSet();
}

TEST(StaticLlmPass, MakesTheGraphsAskedFor) {
  EXPECT_THAT(stems(fixed_set("{}", decoder())), ElementsAre("prefill.0", "decode.0"));
  EXPECT_THAT(stems(fixed_set(R"({"prefill_length": 0})", decoder())), ElementsAre("decode.0"));
  const GraphSet set = fixed_set(
      R"({"context_length": 32, "prefill_length": 8, "calibration_length": 100})", decoder());
  EXPECT_THAT(stems(set), ElementsAre("prefill.0", "decode.0", "calibration.0"));
  const auto length = [](const RoleGraph& each) {
    return std::get<int64_t>(each.graph.inputs[0].shape[1]);
  };
  EXPECT_EQ(length(set[0]), 8);
  EXPECT_EQ(length(set[1]), 1);
  EXPECT_EQ(length(set[2]), 100);
  EXPECT_FALSE(set[0].graph.is_output("logits"));
  EXPECT_TRUE(set[1].graph.is_output("logits"));
  EXPECT_TRUE(set[2].graph.is_output("logits"));
}

TEST(StaticLlmPass, LeavesTheSoftCapToTheHost) {
  const std::string options = R"({"calibration_length": 4, "logit_softcap": "host"})";
  const GraphSet set = fixed_set(options, decoder());
  EXPECT_FALSE(set[0].graph.metadata.contains(contract::notes::kHostLogitSoftcap));  // no logits
  for (const size_t i : {1U, 2U}) {
    const Graph& graph = set[i].graph;
    EXPECT_EQ(graph.metadata.at(contract::notes::kHostLogitSoftcap), "30.0");
    ASSERT_THAT(graph.nodes, SizeIs(2));
    EXPECT_TRUE(graph::check(graph).ok());
    EXPECT_EQ(graph.nodes[0].op_type, "MatMul");
    EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("logits"));
  }
  EXPECT_THAT(fixed_set("{}", decoder())[1].graph.nodes, SizeIs(5));
  const auto uncapped = bound(&bind_static_llm, options)->run(one(decoder(false)), {}).value();
  ASSERT_THAT(uncapped.declined, SizeIs(1));
  EXPECT_THAT(uncapped.declined[0].reason, HasSubstr("no soft-cap"));
  EXPECT_FALSE(uncapped.graphs[1].graph.metadata.contains(contract::notes::kHostLogitSoftcap));
}

// Catches a cap that silently stays in the graph while the host was to apply it.
TEST(StaticLlmPass, ASoftCapThatCannotBeReadIsAnError) {
  Graph graph = decoder();
  for (auto& [name, constant] : graph.initializers) {
    if (constant.shape().empty()) constant = tensor::unreadable(DType::kFloat, {});
  }
  const BoundPass pass = bound(&bind_static_llm, R"({"logit_softcap": "host"})").value();
  const auto outcome = pass.run(one(std::move(graph)), {});
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().message(), AllOf(HasSubstr("soft-cap"), HasSubstr("ends early")));
}

TEST(StaticLlmPass, RefusesWhatItCannotDo) {
  const auto said = [](const std::string& json) { return message(&bind_static_llm, json); };
  EXPECT_THAT(said(R"({"context_length": 64, "prefill_length": 64})"), HasSubstr("prefill_length"));
  EXPECT_THAT(said(R"({"calibration_length": 1})"), HasSubstr("calibration_length"));
  EXPECT_THAT(said(R"({"attention": "GroupQueryAttention"})"),
              HasSubstr("use decomposed or Attention"));
  EXPECT_THAT(said(R"({"logit_softcap": "none"})"), HasSubstr("use graph or host"));
  EXPECT_THAT(said(R"({"batch_size": 2})"), HasSubstr("batch_size"));
  EXPECT_THAT(said(R"({"sequence_length": 2})"), HasSubstr("sequence_length"));
  const BoundPass pass = bound(&bind_static_llm, "{}").value();
  const auto again = pass.run(fixed_set("{}", decoder()), {});
  ASSERT_FALSE(again.ok());
  EXPECT_THAT(again.error().message(), HasSubstr("several graphs already"));
  Builder b("vision_encoder");
  b.output("y", b.op("Neg", {b.input("x", DType::kFloat, {int64_t{1}})}), DType::kFloat, {});
  const auto other = pass.run(one(std::move(b).finish()), {});
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message(), HasSubstr("text decoder"));
}

// k' = x w; present = Neg'd k' moved; in the graph that attends, joined with the past and
// multiplied by q.
Graph cache_graph(bool attends) {
  Builder b("g");
  const graph::SymbolicShape rows = {int64_t{2}, int64_t{4}};
  const Ref x = b.input("x", DType::kFloat, rows);
  const auto weights = [](float value) {
    return tensor::floats({4, 4}, std::vector<float>(16, value));
  };
  const Ref k = b.op("MatMul", {x, b.weight("k.weight", weights(1))}, "k");
  const Ref present = b.op("Reshape", {k, b.constant({2, 4})}, "rows");
  if (attends) {
    const Ref past = b.input("past", DType::kFloat, {int64_t{6}, int64_t{4}});
    const Ref keys = b.op("Concat", {past, present}, "keys", {{"axis", int64_t{0}}});
    const Ref turned = b.op("Transpose", {keys}, "keys", {{"perm", std::vector<int64_t>{1, 0}}});
    const Ref q = b.op("MatMul", {x, b.weight("q.weight", weights(2))}, "q");
    b.output("y", b.op("MatMul", {q, turned}, "scores"), DType::kFloat, {int64_t{2}, int64_t{8}});
  }
  b.output("present", present, DType::kFloat, rows);
  return std::move(b).finish();
}

// Without a past; and what nobody else needs.
Graph calibration_graph() {
  Graph graph = cache_graph(true);
  std::erase_if(graph.inputs, [](const auto& input) { return input.name == "past"; });
  for (graph::Node& node : graph.nodes) std::erase(node.inputs, "past");
  return graph;
}

GraphSet cache_set() {
  GraphSet set = one(cache_graph(false), Role::kPrefill);
  set.push_back({Role::kDecode, 0, cache_graph(true)});
  set.push_back({Role::kCalibration, 0, calibration_graph()});
  return set;
}

struct Asked {
  std::vector<std::string> graphs;  // number of inputs of each
  std::vector<std::vector<std::string>> values;
  std::string method, data_config;
  double percentile = 0;
  int bits = 0;
};

PassContext answering(Asked& asked) {
  PassContext context;
  context.traits = htp();
  context.calibrate = [&asked](const CalibrationRequest& request) -> Result<quant::Ranges> {
    asked.values.push_back(request.values);
    asked.method = request.method;
    asked.data_config = request.data_config;
    asked.percentile = request.percentile;
    asked.bits = request.bits;
    quant::Ranges out;
    for (const std::string& value : request.values) {
      LAP_RETURN_IF_ERROR(out.set(value, {-1.0F, 3.0F}));
    }
    return out;
  };
  return context;
}

TEST(StaticQuantizationPass, AsksOnceAndDropsTheCalibrationGraph) {
  Asked asked;
  const BoundPass pass =
      bound(&bind_static_quantization, R"({"calibrate_method": "Percentile", "percentile": 99.5,
            "data_config": "chats", "quantized_io": ["past", "present"]})")
          .value();
  const auto outcome = pass.run(cache_set(), answering(asked));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_THAT(stems(outcome->graphs), ElementsAre("prefill.0", "decode.0"));
  ASSERT_THAT(asked.values, SizeIs(1));
  // Not the past, which no sample has, and not what a Reshape or Concat makes.
  EXPECT_THAT(asked.values[0], UnorderedElementsAre("x", "k/MatMul", "q/MatMul", "y"));
  EXPECT_EQ(asked.method, "percentile");
  EXPECT_EQ(asked.percentile, 99.5);
  EXPECT_EQ(asked.data_config, "chats");
  EXPECT_EQ(asked.bits, 16);
}

// In the prefill graph nothing attends to the keys: alone, it would make them uint16.
TEST(StaticQuantizationPass, CachesAreTheSameIntegersInAllGraphs) {
  Asked asked;
  const BoundPass pass =
      bound(&bind_static_quantization, R"({"quantized_io": ["past", "present"]})").value();
  const GraphSet set = pass.run(cache_set(), answering(asked)).value().graphs;
  const std::string expected = set[1].graph.metadata.at("encoding:past");
  EXPECT_THAT(expected, HasSubstr(R"("dtype":"int16")"));
  EXPECT_THAT(expected, HasSubstr(R"("zero_point":0)"));
  EXPECT_EQ(set[1].graph.metadata.at("encoding:present"), expected);
  EXPECT_EQ(set[0].graph.metadata.at("encoding:present"), expected);
  GraphSet alone = one(cache_graph(false));
  const GraphSet other = bound(&bind_static_quantization, R"({"quantized_io": ["present"]})")
                             ->run(std::move(alone), answering(asked))
                             .value()
                             .graphs;
  EXPECT_THAT(other[0].graph.metadata.at("encoding:present"), HasSubstr("uint16"));
}

// Without a calibration graph each graph is calibrated by itself.
TEST(StaticQuantizationPass, CalibratesTheGraphsThemselvesOtherwise) {
  Asked asked;
  GraphSet set = cache_set();
  set.pop_back();
  const BoundPass pass = bound(&bind_static_quantization, "{}").value();
  ASSERT_TRUE(pass.run(std::move(set), answering(asked)).ok());
  ASSERT_THAT(asked.values, SizeIs(2));
  EXPECT_THAT(asked.values[0], Not(Contains("past")));
  EXPECT_THAT(asked.values[1], Contains("past"));
}

TEST(StaticQuantizationPass, SaysWhatIsMissing) {
  const BoundPass pass = bound(&bind_static_quantization, "{}").value();
  const auto silent = pass.run(cache_set(), {.calibrate = {}, .traits = htp()});
  ASSERT_FALSE(silent.ok());
  EXPECT_THAT(silent.error().message(), HasSubstr("data_configs"));

  PassContext empty;
  empty.traits = htp();
  empty.calibrate = [](const CalibrationRequest&) {
    return Result<quant::Ranges>(quant::Ranges());
  };
  const auto unknown = pass.run(cache_set(), empty);
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().message(), HasSubstr("has no calibrated range"));
}

TEST(StaticQuantizationPass, ReadsOlivesOptions) {
  const auto said = [](const std::string& json) {
    return message(&bind_static_quantization, json);
  };
  EXPECT_EQ(said(R"({"activation_type": "QUInt16", "weight_type": "QInt8", "per_channel": true,
                     "calibrate_method": "MinMax", "quant_preprocess": true, "quant_format": "QDQ",
                     "calibration_providers": ["CPUExecutionProvider"],
                     "save_as_external_data": true})"),
            "accepted");
  EXPECT_EQ(said(R"({"calibrate_method": "mse"})"), "accepted");
  EXPECT_EQ(said(R"({"calibrate_method": "min_max"})"), "accepted");
  EXPECT_THAT(said(R"({"calibrate_method": "Entropy"})"), HasSubstr("entropy is not supported"));
  EXPECT_THAT(said(R"({"calibrate_method": "guess"})"), HasSubstr("'guess' is no method"));
  EXPECT_THAT(said(R"({"per_channel": false})"), HasSubstr("per_channel"));
  EXPECT_THAT(said(R"({"quant_format": "QOperator"})"), HasSubstr("use QDQ"));
  EXPECT_THAT(said(R"({"nodes_to_quantize": ["a"]})"), HasSubstr("nodes_to_quantize"));
  const Json options =
      bound(&bind_static_quantization,
            R"({"precision": "int8", "tensor_overrides": {"k*": {"range": [0, 1]}}})")
          ->options;
  EXPECT_EQ(options.at("weight_type"), "int8");
  EXPECT_EQ(options.at("activation_type"), "uint16");
  EXPECT_EQ(options.at("calibrate_method"), "min_max");
  EXPECT_EQ(options.at("tensor_overrides").dump(), R"({"k*":{"range":[0.0,1.0]}})");
}

}  // namespace
}  // namespace lapidary::passes
