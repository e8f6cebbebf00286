#include "build/plan_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "build/embedding_rows.h"
#include "build/plan_findings.h"
#include "build/split_report.h"
#include "contract/component.h"
#include "contract/ports.h"
#include "graph/fixed_shapes.h"
#include "graph/onnx_writer.h"
#include "package/text_model.h"
#include "target/compile_costs.h"

namespace lapidary::build {
namespace {

constexpr int64_t kClaimBytes = 219;  // of claims.json, a node; measured with 700 to 2400 of them

GraphCost graph_cost(const PlannedGraph& planned) {
  GraphCost out;
  out.role = planned.role;
  out.part = planned.record.part;
  out.file = planned.record.file;
  out.nodes = static_cast<int64_t>(planned.graph.nodes.size());
  out.weight_bytes = planned.data_bytes;
  const std::string name = planned.record.file.substr(planned.record.file.rfind('/') + 1);
  out.model_bytes = graph::model_bytes(planned.graph, name + ".data");
  return out;
}

int64_t constant_bytes(const PlannedGraph& planned) {
  int64_t out = 0;
  for (const auto& [name, tensor] : planned.graph.initializers) out += tensor.bytes();
  return out;
}

// A graph that is compiled, and what it asks of the compiler.
struct CompiledGraph {
  const PlannedGraph* planned = nullptr;
  target::CompileLoad load;
};

CompiledGraph compiled_graph(const PlannedGraph& planned, const graph::FixedShapes& known) {
  CompiledGraph out{&planned, {.weight_bytes = constant_bytes(planned)}};
  out.load.nodes = static_cast<int64_t>(planned.graph.nodes.size());
  for (const graph::Node& node : planned.graph.nodes) {
    if (node.qualified_op() != "QuantizeLinear") continue;
    const auto shape = known.shapes.find(node.outputs[0]);
    if (shape != known.shapes.end()) {
      out.load.quantized_elements += tensor::element_count(shape->second);
    }
  }
  return out;
}

// The graphs of one run of the compiler.
ContextCost context_cost(const std::string& component, const std::vector<CompiledGraph>& graphs) {
  ContextCost out;
  std::vector<contract::Role> roles;
  std::vector<target::CompileLoad> loads;
  std::map<std::string, int64_t> weights;
  for (const auto& [planned, load] : graphs) {
    roles.push_back(planned->role);
    loads.push_back(load);
    out.nodes += load.nodes;
    for (const auto& [name, tensor] : planned->graph.initializers) weights[name] = tensor.bytes();
  }
  out.component = component;
  out.part = graphs.front().planned->record.part;
  out.name = recipe::context_name(component, out.part, roles);
  for (const auto& [name, bytes] : weights) out.weight_bytes += bytes;
  const target::CompileCosts& costs = target::compile_costs();
  out.binary_bytes = costs.binary_bytes(out.weight_bytes, loads);
  out.compile_bytes = costs.peak_bytes(loads);
  return out;
}

// The order in which compile_component() runs the compiler.
std::vector<ContextCost> context_costs(const recipe::CompileStep& step,
                                       const PlannedComponent& component,
                                       const std::vector<graph::FixedShapes>& shapes) {
  std::map<int64_t, std::vector<CompiledGraph>> parts;
  for (size_t i = 0; i < component.graphs.size(); ++i) {
    const PlannedGraph& each = component.graphs[i];
    parts[each.record.part].push_back(compiled_graph(each, shapes[i]));
  }
  std::vector<ContextCost> out;
  for (const auto& [part, graphs] : parts) {
    const bool share = step.shares(graphs.size());
    if (share) out.push_back(context_cost(component.name, graphs));
    if (share && !step.emulation) continue;
    for (const CompiledGraph& each : graphs) out.push_back(context_cost(component.name, {each}));
  }
  return out;
}

// Caches as a decoder for any lengths has them: float32, sliding layers no longer than their
// window.
int64_t cache_bytes(const package::TextModel& text, int64_t context) {
  int64_t out = 0;
  for (const package::CacheSpec& cache : text.caches) {
    const int64_t rows = cache.sliding ? std::min(context, text.sliding_window - 1) : context;
    out += 2 * rows * cache.kv_heads * cache.head_dim * static_cast<int64_t>(sizeof(float));
  }
  return out;
}

// The caches of a static decoder are what its graph of one token takes. A donor's are inputs of
// several parts.
int64_t fixed_cache_bytes(const PlannedComponent& decoder) {
  std::map<std::string, int64_t> bytes;
  for (const PlannedGraph& each : decoder.graphs) {
    if (each.role != contract::Role::kDecode) continue;
    for (const graph::ValueInfo& input : each.graph.inputs) {
      if (!contract::ports::is_past(input.name)) continue;
      int64_t elements = 1;
      for (const graph::Dim& dim : input.shape) {
        const auto* size = std::get_if<int64_t>(&dim);
        elements *= size == nullptr ? 0 : *size;
      }
      bytes[input.name] = bytes_of(input.dtype, elements);
    }
  }
  return std::accumulate(bytes.begin(), bytes.end(), int64_t{0},
                         [](int64_t sum, const auto& each) { return sum + each.second; });
}

int64_t decode_weights(const PlannedComponent& decoder) {
  int64_t out = 0;
  for (const PlannedGraph& each : decoder.graphs) {
    if (each.role != contract::Role::kPrefill) out += constant_bytes(each);
  }
  return out;
}

const PlannedComponent* find(const Plan& plan, const std::string& name) {
  const auto it = std::find_if(plan.components.begin(), plan.components.end(),
                               [&](const auto& each) { return each.name == name; });
  return it == plan.components.end() ? nullptr : &*it;
}

// Measured in builds, two threads. What is only saved takes 35 to 52 MB with 282 to 2769 nodes.
// A graph is calibrated by a session of ONNX Runtime over float weights, a mapped file of which it
// reads all, and the graph as saved runs beside it or after it. Each node takes memory in the plan,
// and more in these sessions. MB of float weights, and what was measured:
//   tiny model, 3136 nodes                   11 -> 121: as planned
//   decoders of E2B's layer dims           1570 -> 1684, 1854 (64, 512 tokens a sample)
//                                           340 -> 423, 1260 -> 1898 (64, 512 tokens, the latter
//                                          with a vocabulary of 65536): 3 to 5 % more planned
//   E2B's audio encoder                    1185 -> 1680, 1770, 2090 (largest value 3, 16, 49 MB)
//   E2B's vision encoder                    617 -> 1130, 2850 (19, 305 MB): within 5 %
//   4 layers of them         408 -> 766 (16 MB), 162 -> 538, 937 (19, 76 MB): 7 to 25 % less
//   planned
constexpr int64_t kSavingBase = 35'000'000;
constexpr int64_t kPlanPerNode = 6000;
constexpr double kCalibrationBase = 45e6;
constexpr double kSessionsPerNode = 24e3;
constexpr double kCalibrationPerWeightByte = 1.03;
constexpr int64_t kLogitCopies = 3;
constexpr int64_t kWidestCopies = 7;    // of the widest layer's gated values
constexpr double kLargestCopies = 6.5;  // of an encoder's largest value: its attention's scores

int64_t decoder_value_bytes(const recipe::Recipe& recipe, const checkpoint::TextConfig& text,
                            const PlannedComponent& component) {
  const passes::BoundPass* lengths = recipe.pass_of_type("StaticLLM", component.name);
  const int64_t tokens =
      lengths == nullptr ? 0 : lengths->options.value("calibration_length", int64_t{0});
  int64_t widest = 0;
  for (const auto& layer : text.layers) widest = std::max(widest, layer.intermediate_size);
  return tokens * static_cast<int64_t>(sizeof(float)) *
         (kLogitCopies * text.vocab_size + kWidestCopies * widest);
}

// A saved encoder runs while its float graph's session is open (calibration/agreement.h), a saved
// decoder when that is closed.
int64_t encoder_bytes(const PlannedComponent& component) {
  const auto largest = static_cast<double>(component.calibration_value_bytes);
  return component.data_bytes() + static_cast<int64_t>(kLargestCopies * largest);
}

int64_t calibration_bytes(const recipe::Recipe& recipe, const checkpoint::TextConfig& text,
                          const PlannedComponent& component) {
  const double sessions =
      kCalibrationBase + kSessionsPerNode * static_cast<double>(component.nodes()) +
      kCalibrationPerWeightByte * static_cast<double>(component.calibration_weight_bytes);
  return static_cast<int64_t>(sessions) + (component.fixed_encoder
                                               ? encoder_bytes(component)
                                               : decoder_value_bytes(recipe, text, component));
}

BuildMemory build_memory(const recipe::Recipe& recipe, const checkpoint::TextConfig& text,
                         const Plan& plan) {
  int64_t planned = 0;
  int64_t calibrating = 0;
  for (const PlannedComponent& each : plan.components) {
    planned += kPlanPerNode * each.nodes();
    if (!each.calibrated) continue;
    calibrating = std::max(calibrating, calibration_bytes(recipe, text, each));
  }
  return {.saving = kSavingBase + planned,
          .calibrating = calibrating == 0 ? 0 : planned + calibrating};
}

class Reporter {
 public:
  Reporter(const recipe::Recipe& recipe, const checkpoint::Checkpoint& checkpoint, const Plan& plan,
           const PlanOptions& options)
      : recipe_(recipe), checkpoint_(checkpoint), plan_(plan), options_(options) {}

  Result<PlanReport> run() {
    out_.recipe = recipe_.name;
    if (recipe_.compile) out_.chip = options_.chip;
    for (const PlannedComponent& each : plan_.components) LAP_RETURN_IF_ERROR(add(each));
    for (const std::string& name : checkpoint_.side_files()) {
      out_.other_bytes += static_cast<int64_t>(checkpoint_.files.size(name));
    }
    LAP_RETURN_IF_ERROR(add_lengths());
    out_.build = build_memory(recipe_, checkpoint_.config.text, plan_);
    return std::move(out_);
  }

 private:
  Status add(const PlannedComponent& component) {
    ComponentCost cost{component.name, {}, component.ranges_bytes};
    for (const PlannedGraph& each : component.graphs) cost.graphs.push_back(graph_cost(each));
    out_.components.push_back(std::move(cost));
    add_lowerings(component, out_.lowerings);
    if (auto split = split_report(recipe_, component)) out_.split = std::move(*split);
    if (!recipe_.compile || !recipe_.compile->compiles(component.name)) return {};
    LAP_ASSIGN_OR_RETURN(const auto shapes, compiled_shapes(component));
    const auto contexts = context_costs(*recipe_.compile, component, shapes);
    out_.other_bytes += kClaimBytes * component.nodes();
    out_.contexts.insert(out_.contexts.end(), contexts.begin(), contexts.end());
    if (!out_.chip) return {};
    return add_findings(component, shapes, *out_.chip, out_.lowerings, out_.objections);
  }

  Status add_lengths() {
    const package::TextModel text = package::text_model(checkpoint_.config);
    const PlannedComponent& decoder = *find(plan_, name_of(contract::Component::kDecoder));
    if (decoder.fixed_model) {
      out_.context_length = decoder.fixed_model->context_length;
      if (options_.context_length != 0 && options_.context_length != out_.context_length) {
        return bad_input(
            "--context",
            fmt::format("{} differs from the recipe's {}, for which its decoder is made",
                        options_.context_length, out_.context_length),
            "leave it out, or change context_length of StaticLLM with --set");
      }
      out_.kv_bytes = fixed_cache_bytes(decoder);
    } else {
      const int64_t most = text.max_positions;
      out_.context_length =
          options_.context_length != 0 ? options_.context_length : std::min(kDefaultContext, most);
      if (out_.context_length > most) {
        return bad_input(
            "--context",
            fmt::format("{} exceeds the model's {} positions", out_.context_length, most),
            "choose a shorter one");
      }
      out_.kv_bytes = cache_bytes(text, out_.context_length);
    }
    out_.token.decoder_weights = decode_weights(decoder);
    out_.token.kv_cache = out_.kv_bytes;
    for (const PlannedGraph& each : find(plan_, name_of(contract::Component::kEmbedding))->graphs) {
      out_.token.embedding += bytes_of_one_token(each.graph);
    }
    return {};
  }

  const recipe::Recipe& recipe_;
  const checkpoint::Checkpoint& checkpoint_;
  const Plan& plan_;
  const PlanOptions& options_;
  PlanReport out_;
};

}  // namespace

int64_t ComponentCost::bytes() const {
  int64_t out = ranges_bytes;
  for (const GraphCost& each : graphs) out += each.bytes();
  return out;
}

int64_t PlanReport::package_bytes() const {
  int64_t out = other_bytes;
  for (const ComponentCost& each : components) out += each.bytes();
  for (const ContextCost& each : contexts) out += each.binary_bytes;
  return out;
}

int64_t PlanReport::compile_bytes() const {
  int64_t out = 0;
  for (const ContextCost& each : contexts) out = std::max(out, each.compile_bytes);
  return out;
}

Result<PlanReport> plan_report(const recipe::Recipe& recipe,
                               const checkpoint::Checkpoint& checkpoint, const Plan& plan,
                               const PlanOptions& options) {
  return Reporter(recipe, checkpoint, plan, options).run();
}

}  // namespace lapidary::build
