#include "htp/probe.h"

#include <algorithm>
#include <map>

#include "graph/onnx_writer.h"
#include "htp/node_units.h"
#include "htp/reference_run.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;
using graph::Graph;
using graph::Node;

// A unit to probe, and where its result goes.
struct Candidate {
  NodeUnit unit;
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

ValueTypes types_of(const Values& values) {
  ValueTypes types;
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

Result<std::vector<Candidate>> distinct_units(const Graph& graph, const ValueTypes& types) {
  std::vector<Candidate> candidates;
  std::map<std::string, size_t> seen;  // key -> candidate
  for (NodeUnit& unit : node_units(graph)) {
    LAP_ASSIGN_OR_RETURN(const std::string key, unit_key(graph, unit, types));
    const auto [found, fresh] = seen.emplace(key, candidates.size());
    if (!fresh) {
      ++candidates[found->second].probed.alike;
      continue;
    }
    const Node& node = graph.nodes[unit.node];
    ProbedNode probed;
    probed.name = node.name;
    probed.op = node.qualified_op();
    probed.forms = forms_of(unit.inputs, types) + " -> " + forms_of(unit.outputs, types);
    candidates.push_back({std::move(unit), std::move(probed)});
  }
  return candidates;
}

Result<std::vector<EmulatorJob>> jobs_of(const Graph& graph,
                                         const std::vector<Candidate>& candidates,
                                         const Values& values, const ValueTypes& types,
                                         const fs::path& folder) {
  std::vector<EmulatorJob> jobs;
  for (const Candidate& candidate : candidates) {
    EmulatorJob job;
    job.model = folder / ("node_" + std::to_string(jobs.size()) + ".onnx");
    LAP_ASSIGN_OR_RETURN(const auto saved,
                         graph::save(cut(graph, candidate.unit, types), job.model, {}));
    for (const std::string& input : candidate.unit.inputs) job.inputs.push_back(values.at(input));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

// The zero point of the QuantizeLinear that makes `value`; 0 when there is none.
double zero_point_of(const Graph& graph, const NodeUnit& unit, const std::string& value) {
  for (const size_t member : unit.members) {
    const Node& node = graph.nodes[member];
    if (node.op_type != "QuantizeLinear" || node.outputs[0] != value || node.inputs.size() < 3) {
      continue;
    }
    const tensor::Tensor* zero = graph.constant(node.inputs[2]);
    if (zero == nullptr || zero->type().elements() != 1) return 0;
    const auto values = zero->to_integers();
    return values.ok() ? static_cast<double>(values->front()) : 0;
  }
  return 0;
}

bool has_8bit_activation(const NodeUnit& unit, const ValueTypes& types) {
  const auto narrow = [&types](const std::string& name) {
    const tensor::DType dtype = types.at(name).dtype;
    return dtype == tensor::DType::kUint8 || dtype == tensor::DType::kInt8;
  };
  return std::any_of(unit.inputs.begin(), unit.inputs.end(), narrow) ||
         std::any_of(unit.outputs.begin(), unit.outputs.end(), narrow);
}

Result<Agreement> worst(const Graph& graph, const NodeUnit& unit, const EmulatorRun& run,
                        const Values& values) {
  Agreement out;
  for (const ort::HostTensor& output : run.outputs) {
    const auto reference = values.find(output.name);
    if (reference == values.end()) return internal_error(output.name, "is no value of the graph");
    LAP_ASSIGN_OR_RETURN(const Agreement one, compare(output, reference->second,
                                                      zero_point_of(graph, unit, output.name)));
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
    Json json = {{"name", node.name},
                 {"op", node.op},
                 {"forms", node.forms},
                 {"alike", node.alike},
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

Result<ProbeReport> probe(const Graph& graph, const Emulator& emulator, const fs::path& folder,
                          uint32_t seed, const ProbeLimits& limits) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return io_error(folder.string(), error.message());
  LAP_ASSIGN_OR_RETURN(const Values values, reference_values(graph, seed, folder));
  const ValueTypes types = types_of(values);
  LAP_ASSIGN_OR_RETURN(std::vector<Candidate> candidates, distinct_units(graph, types));
  LAP_ASSIGN_OR_RETURN(const auto jobs, jobs_of(graph, candidates, values, types, folder));
  LAP_ASSIGN_OR_RETURN(const auto runs, emulator.run_all(jobs, folder));
  ProbeReport report;
  for (size_t i = 0; i < candidates.size(); ++i) {
    auto& [unit, probed] = candidates[i];
    if (!runs[i].ok()) {
      const Error& why = runs[i].error();
      probed.verdict = why.kind == ErrorKind::kUnsupported ? Verdict::kRefused : Verdict::kFailed;
      probed.reason = Error{why.kind, why.what, "", why.remedy}.message();
    } else {
      LAP_ASSIGN_OR_RETURN(probed.agreement, worst(graph, unit, *runs[i], values));
      const double precise =
          has_8bit_activation(unit, types) ? limits.precise_8bit : limits.precise;
      probed.verdict = verdict_of(probed.agreement, precise, limits.wrong);
    }
    report.nodes.push_back(std::move(probed));
  }
  return report;
}

}  // namespace lapidary::htp
