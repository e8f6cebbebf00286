#include "probe/node_probes.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "graph/dtype_inference.h"
#include "graph/fixed_shapes.h"
#include "htp/installed_stack.h"
#include "probe/node_units.h"
#include "probe/reference_run.h"
#include "probe/unit_models.h"
#include "probe/unit_verdicts.h"
#include "probe/verdict_cache.h"

namespace lapidary::probe {
namespace {

namespace fs = std::filesystem;
using graph::Graph;
using graph::Node;

// Units that share a model, bytes of their weights (compiling takes about four times those) and of
// the values that are fed and compared (which are in memory six times).
constexpr size_t kBatch = 32;
constexpr int64_t kBatchBytes = int64_t{64} << 20;
constexpr int64_t kBatchValueBytes = int64_t{64} << 20;

// A unit to probe, and where its result goes.
struct Candidate {
  const Graph* graph = nullptr;
  const ValueTypes* types = nullptr;
  NodeUnit unit;
  std::string key;
  ProbedNode probed;
};

// From the rules of shapes and dtypes; for an operator that those do not know, from a run on the
// CPU.
Result<ValueTypes> types_of(const Graph& graph, const fs::path& folder,
                            const ReferenceSettings& settings) {
  const auto shapes = graph::infer_shapes(graph);
  if (!shapes.ok() && shapes.error().kind != ErrorKind::kUnsupported) return shapes.error();
  const auto dtypes = graph::infer_dtypes(graph);
  ValueTypes types;
  if (shapes.ok() && dtypes.ok()) {
    for (const auto& [name, shape] : shapes->shapes) {
      const auto dtype = dtypes->find(name);
      if (dtype != dtypes->end()) types[name] = {dtype->second, shape};
    }
    return types;
  }
  LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> inputs, seeded_inputs(graph, 1));
  ReferenceSettings looking = settings;
  looking.see = [&types](const ort::HostTensor& tensor) { types[tensor.name] = type_of(tensor); };
  for (const ort::HostTensor& input : inputs) looking.see(input);
  const auto run = run_reference(graph, std::move(inputs), folder, looking);
  if (!run.ok()) return run.error();
  return types;
}

std::string forms_of(const std::vector<std::string>& names, const ValueTypes& types) {
  std::string text;
  for (const std::string& name : names) {
    const tensor::TensorType& type = types.at(name);
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", name_of(type.dtype),
                        tensor::to_string(type.shape));
  }
  return text;
}

// Adds the units of `graph` that differ from those in `seen`.
Status add_units(const Graph& graph, const ValueTypes& types, std::map<std::string, size_t>& seen,
                 std::vector<Candidate>& candidates) {
  for (NodeUnit& unit : node_units(graph)) {
    const Node& node = graph.nodes[unit.node];
    for (const auto* ports : {&unit.inputs, &unit.outputs}) {
      for (const std::string& port : *ports) {
        if (!types.contains(port)) {
          return unsupported(node.name, fmt::format("the type of '{}' cannot be told", port));
        }
      }
    }
    LAP_ASSIGN_OR_RETURN(std::string key, unit_key(graph, unit, types));
    const auto [found, fresh] = seen.emplace(key, candidates.size());
    if (!fresh) {
      ++candidates[found->second].probed.alike;
      continue;
    }
    ProbedNode probed;
    probed.graph = graph.name;
    probed.name = node.name;
    probed.op = node.qualified_op();
    probed.forms =
        fmt::format("{} -> {}", forms_of(unit.inputs, types), forms_of(unit.outputs, types));
    candidates.push_back({&graph, &types, std::move(unit), std::move(key), std::move(probed)});
  }
  return {};
}

// Of its inputs and outputs, as floats.
int64_t value_bytes(const Candidate& candidate) {
  int64_t elements = 0;
  for (const auto* ports : {&candidate.unit.inputs, &candidate.unit.outputs}) {
    for (const std::string& port : *ports) elements += candidate.types->at(port).elements();
  }
  return elements * static_cast<int64_t>(sizeof(float));
}

// Probes some of `open`, from the first on: those that share a model. Returns how many.
Result<size_t> probe_batch(std::span<Candidate* const> open, const htp::Emulator& emulator,
                           const fs::path& folder, const ProbeSettings& settings) {
  std::vector<UnitModel> models;
  int64_t bytes = 0;
  int64_t values = 0;
  for (const Candidate* candidate : open.first(std::min(kBatch, open.size()))) {
    values += value_bytes(*candidate);
    if (values > kBatchValueBytes && !models.empty()) break;
    LAP_ASSIGN_OR_RETURN(UnitModel model, unit_model(*candidate->graph, candidate->unit,
                                                     *candidate->types, settings.seed));
    bytes += model.constant_bytes;
    if (bytes > kBatchBytes && !models.empty()) break;
    models.push_back(std::move(model));
  }
  LAP_ASSIGN_OR_RETURN(auto verdicts, unit_verdicts(models, emulator, folder, settings.limits));
  for (size_t i = 0; i < verdicts.size(); ++i) {
    ProbedNode& probed = open[i]->probed;
    probed.verdict = verdicts[i].verdict;
    probed.difference = verdicts[i].difference;
    probed.reason = std::move(verdicts[i].reason);
  }
  return verdicts.size();
}

// What a result depends on beside the unit.
Result<std::string> scope_of(const htp::Emulator& emulator, const ProbeSettings& settings) {
  LAP_ASSIGN_OR_RETURN(const htp::InstalledStack stack,
                       htp::installed_stack(htp::Libraries{emulator.provider().parent_path()}));
  const ProbeLimits& limits = settings.limits;
  std::string scope =
      fmt::format("3;{};{};seed {};{:f};{:f};{:f}", stack.describe(), stack.provider_hash,
                  settings.seed, limits.precise, limits.precise_8bit, limits.wrong);
  for (const auto& [key, value] : emulator.options()) {
    if (key != "backend_path") scope += fmt::format(";{}={}", key, value);
  }
  return scope;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kRight:
      return "right";
    case Verdict::kImprecise:
      return "imprecise";
    case Verdict::kWrong:
      return "wrong";
    case Verdict::kRefused:
      return "refused";
    case Verdict::kFailed:
      break;
  }
  return "failed";
}

size_t ProbeReport::count(Verdict verdict) const {
  return static_cast<size_t>(
      std::count_if(nodes.begin(), nodes.end(),
                    [verdict](const ProbedNode& node) { return node.verdict == verdict; }));
}

bool ProbeReport::passed() const {
  return count(Verdict::kRight) + count(Verdict::kImprecise) == nodes.size();
}

Json ProbeReport::to_json() const {
  Json list = Json::array();
  for (const ProbedNode& node : nodes) {
    Json json = {{"graph", node.graph},
                 {"name", node.name},
                 {"op", node.op},
                 {"forms", node.forms},
                 {"alike", node.alike},
                 {"cached", node.cached},
                 {"verdict", name_of(node.verdict)}};
    if (!node.reason.empty()) {
      json["reason"] = node.reason;
    } else {
      json["cosine"] = node.difference.cosine;
      json["relative_error"] = node.difference.relative_error;
      json["finite"] = node.difference.finite;
    }
    list.push_back(std::move(json));
  }
  return Json{{"passed", passed()}, {"nodes", std::move(list)}};
}

Result<ProbeReport> probe_nodes(std::span<const Graph> graphs, const htp::Emulator& emulator,
                                const fs::path& folder, const ProbeSettings& settings) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return io_error(folder.string(), error.message());
  const ReferenceSettings reference{.work = settings.work};
  std::vector<ValueTypes> types(graphs.size());
  std::map<std::string, size_t> seen;  // key -> candidate
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < graphs.size(); ++i) {
    LAP_ASSIGN_OR_RETURN(types[i], types_of(graphs[i], folder, reference));
    LAP_RETURN_IF_ERROR(add_units(graphs[i], types[i], seen, candidates));
  }
  std::string scope;
  if (!settings.cache.empty()) {
    LAP_ASSIGN_OR_RETURN(scope, scope_of(emulator, settings));
  }
  const ProbeCache cache(settings.cache, std::move(scope));
  std::vector<Candidate*> open;
  for (Candidate& candidate : candidates) {
    const auto known = cache.find(candidate.key);
    if (known) {
      candidate.probed.verdict = known->verdict;
      candidate.probed.difference = known->difference;
      candidate.probed.reason = known->reason;
      candidate.probed.cached = true;
    } else {
      open.push_back(&candidate);
    }
  }
  settings.work.stage("probing nodes", open.size(), Unit::kNodes);
  for (auto rest = std::span<Candidate* const>(open); !rest.empty();) {
    LAP_ASSIGN_OR_RETURN(const size_t done, probe_batch(rest, emulator, folder, settings));
    for (const Candidate* candidate : rest.first(done)) {
      LAP_RETURN_IF_ERROR(cache.keep(candidate->key, candidate->probed));
    }
    settings.work.advance(done);
    rest = rest.subspan(done);
  }
  ProbeReport report;
  for (Candidate& candidate : candidates) report.nodes.push_back(std::move(candidate.probed));
  return report;
}

}  // namespace lapidary::probe
