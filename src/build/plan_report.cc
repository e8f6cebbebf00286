#include "build/plan_report.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "build/embedding_rows.h"
#include "build/plan_findings.h"
#include "build/split_report.h"
#include "contract/component.h"
#include "contract/ports.h"
#include "graph/onnx_writer.h"
#include "package/text_model.h"
#include "target/compile_costs.h"

namespace lapidary::build {
namespace {

constexpr const char* kDecoder = name_of(contract::Component::kDecoder);
constexpr const char* kEmbedding = name_of(contract::Component::kEmbedding);
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

target::CompileLoad load_of(const PlannedGraph& planned) {
  target::CompileLoad out;
  for (const auto& [name, tensor] : planned.graph.initializers) out.weight_bytes += tensor.bytes();
  out.nodes = static_cast<int64_t>(planned.graph.nodes.size());
  return out;
}

// The graphs of one run of the compiler.
ContextCost context_cost(const std::string& component,
                         const std::vector<const PlannedGraph*>& graphs) {
  ContextCost out;
  std::vector<contract::Role> roles;
  std::vector<target::CompileLoad> loads;
  std::map<std::string, int64_t> weights;
  for (const PlannedGraph* each : graphs) {
    roles.push_back(each->role);
    loads.push_back(load_of(*each));
    out.nodes += loads.back().nodes;
    for (const auto& [name, tensor] : each->graph.initializers) weights[name] = tensor.bytes();
  }
  out.component = component;
  out.part = graphs.front()->record.part;
  out.name = recipe::context_name(component, out.part, roles);
  for (const auto& [name, bytes] : weights) out.weight_bytes += bytes;
  const target::CompileCosts& costs = target::compile_costs();
  out.binary_bytes = costs.binary_bytes(out.weight_bytes, loads);
  out.compile_bytes = costs.peak_bytes(loads);
  return out;
}

// The order in which compile_component() runs the compiler.
std::vector<ContextCost> context_costs(const recipe::CompileStep& step,
                                       const PlannedComponent& component) {
  std::map<int64_t, std::vector<const PlannedGraph*>> parts;
  for (const PlannedGraph& each : component.graphs) parts[each.record.part].push_back(&each);
  std::vector<ContextCost> out;
  for (const auto& [part, graphs] : parts) {
    const bool share = step.shares(graphs.size());
    if (share) out.push_back(context_cost(component.name, graphs));
    if (share && !step.emulation) continue;
    for (const PlannedGraph* each : graphs) out.push_back(context_cost(component.name, {each}));
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
      bytes[input.name] = tensor::bytes_of(input.dtype, elements);
    }
  }
  return std::accumulate(bytes.begin(), bytes.end(), int64_t{0},
                         [](int64_t sum, const auto& each) { return sum + each.second; });
}

int64_t decode_weights(const PlannedComponent& decoder) {
  int64_t out = 0;
  for (const PlannedGraph& each : decoder.graphs) {
    if (each.role != contract::Role::kPrefill) out += load_of(each).weight_bytes;
  }
  return out;
}

const PlannedComponent* find(const Plan& plan, const std::string& name) {
  const auto it = std::find_if(plan.components.begin(), plan.components.end(),
                               [&](const auto& each) { return each.name == name; });
  return it == plan.components.end() ? nullptr : &*it;
}

// Measured in builds of decoders of E2B's layer dims: float weights of 0.34, 1.57 and 1.26 GB,
// vocabularies of 4096, 4096 and 65536, took 423 MB (64 tokens a sample), 1684 and 1854 MB (64 and
// 512 tokens) and 1898 MB (512 tokens) to calibrate: within 3 % of this. ONNX Runtime maps the
// weights' file and reads all of it. What is only saved takes 35 to 52 MB with 282 to 2769 nodes,
// two threads.
constexpr double kCalibrationBase = 45e6;
constexpr double kCalibrationPerWeightByte = 1.03;
constexpr int64_t kLogitCopies = 3;
constexpr int64_t kWidestCopies = 7;  // of the widest layer's gated values
constexpr int64_t kSavingBase = 35'000'000;
constexpr int64_t kSavingPerNode = 6000;

int64_t calibration_bytes(const recipe::Recipe& recipe, const checkpoint::TextConfig& text,
                          const PlannedComponent& component) {
  const passes::BoundPass* lengths = recipe.pass_of_type("StaticLLM", component.name);
  const int64_t tokens =
      lengths == nullptr ? 0 : lengths->options.value("calibration_length", int64_t{0});
  int64_t widest = 0;
  for (const auto& layer : text.layers) widest = std::max(widest, layer.intermediate_size);
  const auto weights = static_cast<double>(component.calibration_weight_bytes);
  return static_cast<int64_t>(kCalibrationBase + kCalibrationPerWeightByte * weights) +
         tokens * static_cast<int64_t>(sizeof(float)) *
             (kLogitCopies * text.vocab_size + kWidestCopies * widest);
}

BuildMemory build_memory(const recipe::Recipe& recipe, const checkpoint::TextConfig& text,
                         const Plan& plan) {
  BuildMemory out{.saving = kSavingBase};
  for (const PlannedComponent& each : plan.components) {
    out.saving += kSavingPerNode * each.nodes();
    if (!each.calibrated) continue;
    out.calibrating = std::max(out.calibrating, calibration_bytes(recipe, text, each));
  }
  return out;
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
    for (const std::filesystem::path& file : checkpoint_.side_files()) {
      std::error_code problem;
      const uintmax_t size = std::filesystem::file_size(file, problem);
      if (!problem) out_.other_bytes += static_cast<int64_t>(size);
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
    const auto contexts = context_costs(*recipe_.compile, component);
    out_.other_bytes += kClaimBytes * component.nodes();
    out_.contexts.insert(out_.contexts.end(), contexts.begin(), contexts.end());
    if (!out_.chip) return {};
    return add_findings(component, *out_.chip, out_.lowerings, out_.objections);
  }

  Status add_lengths() {
    const package::TextModel text = package::text_model(checkpoint_.config);
    const PlannedComponent& decoder = *find(plan_, kDecoder);
    if (decoder.fixed_model) {
      out_.context_length = decoder.fixed_model->context_length;
      if (options_.context_length != 0 && options_.context_length != out_.context_length) {
        return bad_input("--context",
                         std::to_string(options_.context_length) + " differs from the recipe's " +
                             std::to_string(out_.context_length) +
                             ", for which its decoder is made",
                         "leave it out, or change context_length of StaticLLM with --set");
      }
      out_.kv_bytes = fixed_cache_bytes(decoder);
    } else {
      const int64_t most = text.max_positions;
      out_.context_length =
          options_.context_length != 0 ? options_.context_length : std::min(kDefaultContext, most);
      if (out_.context_length > most) {
        return bad_input("--context",
                         std::to_string(out_.context_length) + " exceeds the model's " +
                             std::to_string(most) + " positions",
                         "choose a shorter one");
      }
      out_.kv_bytes = cache_bytes(text, out_.context_length);
    }
    out_.token.decoder_weights = decode_weights(decoder);
    out_.token.kv_cache = out_.kv_bytes;
    for (const PlannedGraph& each : find(plan_, kEmbedding)->graphs) {
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
