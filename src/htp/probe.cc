#include "htp/probe.h"

#include <algorithm>
#include <map>

#include "graph/dtype_inference.h"
#include "graph/onnx_writer.h"
#include "graph/static_shapes.h"
#include "htp/installed_stack.h"
#include "htp/node_units.h"
#include "htp/probe_cache.h"
#include "htp/probe_units.h"
#include "htp/reference_run.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;
using graph::Graph;
using graph::Node;

constexpr size_t kBatch = 16;  // units that share a process, between two steps of progress

// A unit to probe, and where its result goes.
struct Candidate {
  const Graph* graph = nullptr;
  const ValueTypes* types = nullptr;
  NodeUnit unit;
  std::string key;
  ProbedNode probed;
};

tensor::TensorType type_of(const ort::HostTensor& tensor) {
  // Every name of an element type is one of a dtype.
  static const std::map<ort::ElementType, tensor::DType> dtypes = {
      {ort::ElementType::kFloat32, tensor::DType::kFloat},
      {ort::ElementType::kFloat16, tensor::DType::kFloat16},
      {ort::ElementType::kInt64, tensor::DType::kInt64},
      {ort::ElementType::kInt32, tensor::DType::kInt32},
      {ort::ElementType::kUint16, tensor::DType::kUint16},
      {ort::ElementType::kInt16, tensor::DType::kInt16},
      {ort::ElementType::kUint8, tensor::DType::kUint8},
      {ort::ElementType::kInt8, tensor::DType::kInt8},
      {ort::ElementType::kBool, tensor::DType::kBool}};
  return {dtypes.at(tensor.type), tensor.shape};
}

// From the rules of shapes and dtypes; for an operator that those do not know, from a run on the
// CPU.
Result<ValueTypes> types_of(const Graph& graph, const fs::path& folder) {
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
  LAP_ASSIGN_OR_RETURN(const Values values, reference_values(graph, 1, folder));
  for (const auto& [name, tensor] : values) types[name] = type_of(tensor);
  return types;
}

std::string forms_of(const std::vector<std::string>& names, const ValueTypes& types) {
  std::string text;
  for (const std::string& name : names) {
    const tensor::TensorType& type = types.at(name);
    if (!text.empty()) text += ", ";
    text += std::string(tensor::name_of(type.dtype)) + tensor::to_string(type.shape);
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
          return unsupported(node.name, "the type of '" + port + "' cannot be told");
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
    probed.forms = forms_of(unit.inputs, types) + " -> " + forms_of(unit.outputs, types);
    candidates.push_back({&graph, &types, std::move(unit), std::move(key), std::move(probed)});
  }
  return {};
}

bool has_8bit_activation(const NodeUnit& unit, const ValueTypes& types) {
  const auto narrow = [&types](const std::string& name) {
    const tensor::DType dtype = types.at(name).dtype;
    return dtype == tensor::DType::kUint8 || dtype == tensor::DType::kInt8;
  };
  return std::any_of(unit.inputs.begin(), unit.inputs.end(), narrow) ||
         std::any_of(unit.outputs.begin(), unit.outputs.end(), narrow);
}

Result<Agreement> agreement_of(const EmulatorJob& job, const EmulatorRun& run) {
  ort::SessionOptions options;
  options.optimization = ort::Optimization::kNone;
  LAP_ASSIGN_OR_RETURN(const ort::Session session, ort::Session::open(job.model, options));
  LAP_ASSIGN_OR_RETURN(const auto reference, session.run(job.inputs));
  Agreement out;
  for (size_t i = 0; i < reference.size() && i < run.outputs.size(); ++i) {
    LAP_ASSIGN_OR_RETURN(const Agreement one, compare(run.outputs[i], reference[i]));
    out.cosine = std::min(out.cosine, one.cosine);
    out.relative_error = std::max(out.relative_error, one.relative_error);
    out.finite = out.finite && one.finite;
  }
  return out;
}

Verdict verdict_of(const Agreement& agreement, double precise, double wrong) {
  if (!agreement.finite || agreement.relative_error > wrong) return Verdict::kWrong;
  return agreement.relative_error > precise ? Verdict::kImprecise : Verdict::kRight;
}

void judge(Candidate& candidate, const EmulatorJob& job, const Result<EmulatorRun>& run,
           const ProbeLimits& limits) {
  ProbedNode& probed = candidate.probed;
  const Result<Agreement> agreement =
      run.ok() ? agreement_of(job, *run) : Result<Agreement>(run.error());
  if (!agreement.ok()) {
    const Error& why = agreement.error();
    const bool refused = !run.ok() && why.kind == ErrorKind::kUnsupported;
    probed.verdict = refused ? Verdict::kRefused : Verdict::kFailed;
    probed.reason = Error{why.kind, why.what, "", why.remedy}.message();
    return;
  }
  probed.agreement = *agreement;
  const bool narrow = has_8bit_activation(candidate.unit, *candidate.types);
  probed.verdict =
      verdict_of(*agreement, narrow ? limits.precise_8bit : limits.precise, limits.wrong);
}

Status probe_batch(std::span<Candidate* const> batch, const Emulator& emulator,
                   const fs::path& folder, const ProbeSettings& settings) {
  std::vector<EmulatorJob> jobs;
  for (const Candidate* candidate : batch) {
    LAP_ASSIGN_OR_RETURN(UnitModel model, unit_model(*candidate->graph, candidate->unit,
                                                     *candidate->types, settings.seed));
    EmulatorJob job{folder / ("node_" + std::to_string(jobs.size()) + ".onnx"),
                    std::move(model.inputs)};
    LAP_ASSIGN_OR_RETURN(const auto saved, graph::save(model.graph, job.model, {}));
    jobs.push_back(std::move(job));
  }
  LAP_ASSIGN_OR_RETURN(const auto runs, emulator.run_all(jobs, folder));
  for (size_t i = 0; i < batch.size(); ++i) judge(*batch[i], jobs[i], runs[i], settings.limits);
  return {};
}

// What a result depends on beside the unit.
Result<std::string> scope_of(const Emulator& emulator, const ProbeSettings& settings) {
  LAP_ASSIGN_OR_RETURN(const InstalledStack stack,
                       installed_stack(Libraries{emulator.provider().parent_path()}));
  std::string scope = "1;" + stack.describe() + ";" + stack.provider_hash + ";seed " +
                      std::to_string(settings.seed);
  for (const double limit :
       {settings.limits.precise, settings.limits.precise_8bit, settings.limits.wrong}) {
    scope += ";" + std::to_string(limit);
  }
  for (const auto& [key, value] : emulator.options()) {
    if (key != "backend_path") scope += ";" + key + "=" + value;
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
      json["cosine"] = node.agreement.cosine;
      json["relative_error"] = node.agreement.relative_error;
      json["finite"] = node.agreement.finite;
    }
    list.push_back(std::move(json));
  }
  return Json{{"passed", passed()}, {"nodes", std::move(list)}};
}

Result<ProbeReport> probe(std::span<const Graph> graphs, const Emulator& emulator,
                          const fs::path& folder, const ProbeSettings& settings) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return io_error(folder.string(), error.message());
  std::vector<ValueTypes> types(graphs.size());
  std::map<std::string, size_t> seen;  // key -> candidate
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < graphs.size(); ++i) {
    LAP_ASSIGN_OR_RETURN(types[i], types_of(graphs[i], folder));
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
      candidate.probed.agreement = known->agreement;
      candidate.probed.reason = known->reason;
      candidate.probed.cached = true;
    } else {
      open.push_back(&candidate);
    }
  }
  NullProgress silent;
  ProgressSink& progress = settings.progress == nullptr ? silent : *settings.progress;
  progress.stage("probing nodes", open.size());
  for (size_t begin = 0; begin < open.size(); begin += kBatch) {
    const auto batch = std::span(open).subspan(begin, std::min(kBatch, open.size() - begin));
    LAP_RETURN_IF_ERROR(probe_batch(batch, emulator, folder, settings));
    for (const Candidate* candidate : batch) {
      LAP_RETURN_IF_ERROR(cache.keep(candidate->key, candidate->probed));
    }
    progress.advance(batch.size());
  }
  ProbeReport report;
  for (Candidate& candidate : candidates) report.nodes.push_back(std::move(candidate.probed));
  return report;
}

}  // namespace lapidary::htp
