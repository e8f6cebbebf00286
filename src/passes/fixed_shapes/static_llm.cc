#include "passes/fixed_shapes/static_llm.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "contract/notes.h"
#include "contract/ports.h"
#include "graph/fixed_shapes.h"
#include "passes/fixed_shapes/lower_group_query_attention.h"
#include "passes/rewrite/node_rewriter.h"

namespace lapidary::passes {
namespace {

namespace ports = contract::ports;

using graph::Graph;
using graph::Node;
using tensor::Tensor;

Error not_a_decoder(const Graph& graph, const std::string& what) {
  return bad_input(graph.name, what, "apply StaticLLM to the text decoder, as its first pass");
}

Status check_options(const StaticLlmOptions& options) {
  if (options.context_length < 2 || options.context_length > kLongestContext) {
    return bad_input("StaticLLM", fmt::format("context_length is {}", options.context_length),
                     fmt::format("choose one in [2, {}]", kLongestContext));
  }
  if (options.sequence_length < 1 || options.sequence_length > options.context_length) {
    return bad_input("StaticLLM", fmt::format("sequence_length is {}", options.sequence_length),
                     "choose one in [1, context_length]");
  }
  return {};
}

Status check_decoder(const Graph& graph) {
  if (graph.is_input(ports::kMmTokenTypeIds)) {
    return unsupported(graph.name, "images attend to themselves in this model",
                       "there is no static form of such a decoder yet");
  }
  for (const char* input : {ports::kInputsEmbeds, ports::kAttentionMask}) {
    if (!graph.is_input(input)) {
      return not_a_decoder(graph, fmt::format("has no input '{}'", input));
    }
  }
  return graph.is_output(ports::kLogits) ? Status()
                                         : not_a_decoder(graph, "has no output 'logits'");
}

// The positions that sliding layers see, 0 without such layers.
Result<int64_t> window_of(const Graph& graph) {
  int64_t window = 0;
  for (const Node& node : graph.nodes) {
    if (node.op_type != "GroupQueryAttention") continue;
    const int64_t own = std::max<int64_t>(node.int_attribute("local_window_size", 0), 0);
    if (own > 0 && window > 0 && own != window) {
      return unsupported(fmt::format("node '{}'", node.name),
                         fmt::format("sees {} positions, other sliding layers {}", own, window));
    }
    window = std::max(window, own);
  }
  return window;
}

// Numbers instead of symbols; optional inputs at their defaults.
Status bind_inputs(Graph& graph, const graph::DimBindings& sizes) {
  std::erase_if(graph.inputs,
                [&](const auto& input) { return graph.initializers.contains(input.name); });
  for (graph::ValueInfo& input : graph.inputs) {
    for (graph::Dim& dim : input.shape) {
      const auto* symbol = std::get_if<std::string>(&dim);
      if (symbol == nullptr) continue;
      const auto size = sizes.find(*symbol);
      if (size == sizes.end()) {
        return not_a_decoder(graph, fmt::format("input '{}' has a dim '{}'", input.name, *symbol));
      }
      dim = size->second;
    }
  }
  return {};
}

// "model.step.rotary_emb.full_attention/Cos" -> "rotary_emb.full_attention.cos"; "" for other
// nodes.
std::string rotary_input(const Node& node) {
  const size_t begin = node.name.find(ports::kRotaryPrefix);
  if (begin == std::string::npos || (node.op_type != "Cos" && node.op_type != "Sin")) return "";
  return node.name.substr(begin, node.name.rfind('/') - begin) +
         (node.op_type == "Cos" ? ports::kCosSuffix : ports::kSinSuffix);
}

// The rotary tables come from outside, so that the graph needs no positions.
Status tables_as_inputs(Graph& graph) {
  LAP_ASSIGN_OR_RETURN(const graph::FixedShapes known, graph::infer_shapes(graph));
  NodeRewriter out(std::move(graph));
  for (Node& node : out.take_nodes()) {
    const std::string name = rotary_input(node);
    if (name.empty()) {
      out.keep(std::move(node));
      continue;
    }
    if (out.unique(name) != name) {
      return not_a_decoder(out.graph(), fmt::format("has something named '{}' already", name));
    }
    const auto& shape = known.shapes.at(node.outputs[0]);
    out.graph().inputs.push_back({name, DType::kFloat, {shape.begin(), shape.end()}});
    out.replace(node.outputs[0], name);
  }
  graph = std::move(out).finish();
  return {};
}

const Node* producer(const Graph& graph, const std::string& value, const char* op_type) {
  for (const Node& node : graph.nodes) {
    if (!node.outputs.empty() && node.outputs[0] == value) {
      return node.qualified_op() == op_type ? &node : nullptr;
    }
  }
  return nullptr;
}

// logits = Mul(Tanh(Div(x, cap)), cap) becomes x. Without such an end nothing is left to the host.
Status softcap_to_host(Graph& graph) {
  const Node* product = producer(graph, ports::kLogits, "Mul");
  const Node* tanh = product == nullptr ? nullptr : producer(graph, product->inputs[0], "Tanh");
  const Node* quotient = tanh == nullptr ? nullptr : producer(graph, tanh->inputs[0], "Div");
  if (quotient == nullptr || quotient->inputs[1] != product->inputs[1]) return {};
  const Tensor* cap = graph.constant(product->inputs[1]);
  if (cap == nullptr || cap->dtype() != DType::kFloat || cap->type().elements() != 1) return {};
  auto values = cap->to_floats();
  if (!values.ok()) {
    Error error = values.take_error();
    error.where = fmt::format("soft-cap '{}', {}", product->inputs[1], error.where);
    return error;
  }
  const std::string uncapped = quotient->inputs[0];
  std::erase_if(graph.nodes, [](const Node& node) {
    return !node.outputs.empty() && node.outputs[0] == ports::kLogits;
  });
  for (Node& node : graph.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), uncapped, std::string(ports::kLogits));
    std::replace(node.outputs.begin(), node.outputs.end(), uncapped, std::string(ports::kLogits));
  }
  graph::remove_unused(graph);
  graph.metadata[contract::notes::kHostLogitSoftcap] =
      Json(static_cast<double>(values->front())).dump();
  return {};
}

void drop_unread_inputs(Graph& graph) {
  std::set<std::string> read;
  for (const Node& node : graph.nodes) {
    for (std::string& value : node.reads()) read.insert(std::move(value));
  }
  std::erase_if(graph.inputs, [&](const auto& input) { return !read.contains(input.name); });
}

// What is declared must be what is computed, dim by dim.
Status declare_outputs(Graph& graph) {
  LAP_ASSIGN_OR_RETURN(const graph::FixedShapes known, graph::infer_shapes(graph));
  for (graph::ValueInfo& output : graph.outputs) {
    const auto& shape = known.shapes.at(output.name);
    output.shape = {shape.begin(), shape.end()};
  }
  return {};
}

}  // namespace

Result<PassOutcome> static_llm(Graph graph, const StaticLlmOptions& options) {
  LAP_RETURN_IF_ERROR(check_options(options));
  LAP_RETURN_IF_ERROR(check_decoder(graph));
  LAP_ASSIGN_OR_RETURN(const int64_t window, window_of(graph));
  const int64_t past = options.context_length - options.sequence_length;
  const int64_t sliding_past = std::min(past, std::max<int64_t>(window - 1, 1));
  // attention_mask has but one length; it goes, along with all that is computed from it.
  LAP_RETURN_IF_ERROR(bind_inputs(graph, {{"batch", 1},
                                          {"sequence_len", options.sequence_length},
                                          {"past_sequence_len", past},
                                          {"sliding_past_sequence_len", sliding_past},
                                          {"total_sequence_len", options.context_length}}));
  if (!options.logits) {
    std::erase_if(graph.outputs, [](const auto& output) { return output.name == ports::kLogits; });
    graph::remove_unused(graph);
  }
  if (options.logits && options.host_logit_softcap) LAP_RETURN_IF_ERROR(softcap_to_host(graph));
  LAP_RETURN_IF_ERROR(tables_as_inputs(graph));
  LAP_ASSIGN_OR_RETURN(PassOutcome outcome,
                       lower_group_query_attention(std::move(graph), options.attention));
  drop_unread_inputs(outcome.graph);
  LAP_RETURN_IF_ERROR(declare_outputs(outcome.graph));
  outcome.graph.opsets.erase(graph::kMicrosoftDomain);
  for (const Node& node : outcome.graph.nodes) {
    if (!node.domain.empty()) outcome.graph.opsets[node.domain] = 1;
  }
  return outcome;
}

namespace {

// Of the graphs that a recipe asks for.
struct Lengths {
  int64_t context = 4096;
  int64_t prefill = 64;     // 0: no such graph
  int64_t calibration = 0;  // 0: no such graph
};

std::string one_of(JsonReader& reader, const std::string& key, const char* fallback,
                   const char* other) {
  std::string value = reader.string_or(key, fallback);
  if (value != fallback && value != other) {
    reader.fail(key, fmt::format("'{}' is not known", value),
                fmt::format("use {} or {}", fallback, other));
  }
  return value;
}

Result<SetOutcome> make_set(GraphSet graphs, const Lengths& lengths,
                            const StaticLlmOptions& shared) {
  if (graphs.size() != 1 || graphs[0].role != Role::kModel) {
    return bad_input("StaticLLM", "the component is several graphs already",
                     "apply StaticLLM once, before passes that need fixed lengths");
  }
  SetOutcome out;
  const auto add = [&](Role role, int64_t context, int64_t sequence, bool logits) -> Status {
    StaticLlmOptions options = shared;
    options.context_length = context;
    options.sequence_length = sequence;
    options.logits = logits;
    LAP_ASSIGN_OR_RETURN(PassOutcome outcome, static_llm(graphs[0].graph, options));
    out.graphs.push_back({role, 0, std::move(outcome.graph)});
    out.rewritten += outcome.rewritten;
    return {};
  };
  if (lengths.prefill > 0) {
    LAP_RETURN_IF_ERROR(add(Role::kPrefill, lengths.context, lengths.prefill, false));
  }
  LAP_RETURN_IF_ERROR(add(Role::kDecode, lengths.context, 1, true));
  if (lengths.calibration > 0) {
    LAP_RETURN_IF_ERROR(add(Role::kCalibration, lengths.calibration, lengths.calibration, true));
  }
  const bool capped = out.graphs.back().graph.metadata.contains(contract::notes::kHostLogitSoftcap);
  if (shared.host_logit_softcap && !capped) {
    out.declined.push_back({contract::ports::kLogits, "no soft-cap to leave to the host"});
  }
  return out;
}

}  // namespace

BoundPass bind_static_llm(JsonReader& reader) {
  Lengths lengths;
  StaticLlmOptions shared;
  reader.integer_or("batch_size", 1, {1, 1});
  lengths.context = reader.integer_or("context_length", lengths.context, {2, kLongestContext});
  lengths.prefill = reader.integer_or("prefill_length", lengths.prefill, {0, kLongestContext});
  if (lengths.prefill >= lengths.context) {
    reader.fail("prefill_length",
                fmt::format("is {} in a context of {}", lengths.prefill, lengths.context),
                "choose a smaller one than context_length");
  }
  // One token is no prompt, and a context has two positions at least.
  lengths.calibration =
      reader.integer_or("calibration_length", lengths.calibration, {0, kLongestContext});
  if (lengths.calibration == 1) {
    reader.fail("calibration_length", "is 1", "choose 0 (no calibration graph), 2 or more");
  }
  const std::string attention = one_of(reader, "attention", "decomposed", "Attention");
  const std::string softcap = one_of(reader, "logit_softcap", "graph", "host");
  shared.attention =
      attention == "Attention" ? AttentionForm::kAttention : AttentionForm::kDecomposed;
  shared.host_logit_softcap = softcap == "host";
  reader.reject_unknown("lengths are named by context_length, prefill_length, calibration_length");
  Json json = {{"batch_size", 1},
               {"context_length", lengths.context},
               {"prefill_length", lengths.prefill},
               {"calibration_length", lengths.calibration},
               {"attention", attention},
               {"logit_softcap", softcap}};
  const auto run = [lengths, shared](GraphSet graphs, const PassContext& /*context*/) {
    return make_set(std::move(graphs), lengths, shared);
  };
  return {"StaticLLM", std::move(json), run};
}

}  // namespace lapidary::passes
