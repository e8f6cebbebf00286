#include "probe/whole_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <random>

#include "graph/onnx_reader.h"
#include "probe/reference_run.h"

namespace lapidary::probe {
namespace {

namespace fs = std::filesystem;
using graph::Graph;
using graph::Node;

struct Codes {
  double lowest = 0;
  double highest = 0;
};

std::optional<Codes> codes_of(DType type) {
  switch (type) {
    case DType::kUint16:
      return Codes{0, 65535};
    case DType::kInt16:
      return Codes{-32768, 32767};
    case DType::kUint8:
      return Codes{0, 255};
    case DType::kInt8:
      return Codes{-128, 127};
    default:
      break;
  }
  return std::nullopt;
}

// Of the node that converts the port's codes from float or to it; 0 when none tells one. Errors: a
// zero point that cannot be read.
Result<double> zero_point_of(const Graph& graph, const std::string& port, bool input) {
  for (const Node& node : graph.nodes) {
    if (node.op_type != (input ? "DequantizeLinear" : "QuantizeLinear")) continue;
    if ((input ? node.inputs[0] : node.outputs[0]) != port || node.inputs.size() < 3) continue;
    const tensor::Tensor* zero = graph.constant(node.inputs[2]);
    if (zero == nullptr || zero->type().elements() != 1) continue;
    LAP_ASSIGN_OR_RETURN(const std::vector<int64_t> values, zero->to_integers());
    return static_cast<double>(values.front());
  }
  return 0.0;
}

void put_code(ort::HostTensor& tensor, size_t index, double code) {
  // Two's complement: the lowest bytes are the code, signed or not.
  const auto bits = static_cast<int32_t>(std::lround(code));
  const size_t size = element_bytes(tensor.type);
  std::memcpy(tensor.data.data() + index * size, &bits, size);
}

void fill_codes(ort::HostTensor& tensor, const Codes& codes, bool mask, std::mt19937& random) {
  const double middle = (codes.lowest + codes.highest) / 2;
  const double sigma = (codes.highest - codes.lowest) / 8;
  for (size_t i = 0; i < tensor.data.size() / element_bytes(tensor.type); ++i) {
    const double code = mask ? ((random() & 1u) != 0 ? codes.highest : codes.lowest)
                             : middle + sigma * static_cast<double>(gaussian(random));
    put_code(tensor, i, std::clamp(code, codes.lowest, codes.highest));
  }
}

std::string form_of(const ort::HostTensor& tensor) {
  return std::string(name_of(tensor.type)) + tensor::to_string(tensor.shape);
}

bool within(const WholeOutput& output, const WholeLimits& limits) {
  return output.difference.finite && output.difference.cosine >= limits.cosine &&
         output.difference.relative_error <= limits.relative_error;
}

}  // namespace

double WholeRun::lowest_cosine() const {
  double lowest = 1;
  for (const WholeOutput& output : outputs) lowest = std::min(lowest, output.difference.cosine);
  return lowest;
}

bool WholeRun::passed() const {
  return std::all_of(outputs.begin(), outputs.end(),
                     [this](const WholeOutput& output) { return within(output, limits); });
}

Json WholeRun::to_json() const {
  Json list = Json::array();
  for (const WholeOutput& output : outputs) {
    list.push_back({{"name", output.name},
                    {"form", output.form},
                    {"cosine", output.difference.cosine},
                    {"relative_error", output.difference.relative_error},
                    {"finite", output.difference.finite},
                    {"passed", within(output, limits)}});
  }
  return Json{{"passed", passed()},
              {"lowest_cosine", lowest_cosine()},
              {"compile_seconds", compile_seconds},
              {"run_seconds", run_seconds},
              {"cpu_seconds", cpu_seconds},
              {"peak_bytes", peak_bytes},
              {"outputs", std::move(list)}};
}

Result<std::vector<ort::HostTensor>> inputs_over_codes(const Graph& graph, uint32_t seed) {
  LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> inputs, seeded_inputs(graph, seed));
  std::mt19937 random(seed + 1);
  for (ort::HostTensor& input : inputs) {
    const auto codes = codes_of(input.type);
    if (!codes) continue;
    LAP_ASSIGN_OR_RETURN(const double zero, zero_point_of(graph, input.name, true));
    fill_codes(input, *codes, zero == codes->highest, random);
  }
  return inputs;
}

Result<WholeRun> run_whole(const fs::path& model, const htp::Emulator& emulator,
                           const fs::path& folder, const WholeSettings& settings) {
  LAP_ASSIGN_OR_RETURN(const Graph graph, graph::load(model));
  htp::EmulatorJob job{model, {}};
  LAP_ASSIGN_OR_RETURN(job.inputs, inputs_over_codes(graph, settings.seed));
  settings.work.stage("compiling and emulating the nodes", graph.nodes.size(), Unit::kNodes);
  LAP_ASSIGN_OR_RETURN(const htp::EmulatorRun run, emulator.run(job, folder));
  settings.work.advance(graph.nodes.size());
  LAP_ASSIGN_OR_RETURN(const ReferenceRun on_cpu, run_reference(graph, std::move(job.inputs),
                                                                folder, {.work = settings.work}));
  const std::vector<ort::HostTensor>& reference = on_cpu.outputs;
  WholeRun out{
      {}, settings.limits, run.compile_seconds, run.run_seconds, on_cpu.seconds, run.peak_bytes};
  if (reference.size() != run.outputs.size()) {
    return internal_error(model.string(), "outputs are missing");
  }
  for (size_t i = 0; i < reference.size(); ++i) {
    double zero = 0;
    if (codes_of(reference[i].type)) {
      LAP_ASSIGN_OR_RETURN(zero, zero_point_of(graph, reference[i].name, false));
    }
    LAP_ASSIGN_OR_RETURN(const Difference difference, compare(run.outputs[i], reference[i], zero));
    out.outputs.push_back({reference[i].name, form_of(reference[i]), difference});
  }
  return out;
}

}  // namespace lapidary::probe
