#include "probe/rule_probes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/files.h"
#include "base/glob.h"
#include "graph/onnx_writer.h"
#include "htp/claims.h"
#include "probe/difference.h"
#include "probe/rule_probe_tables.h"

namespace lapidary::probe {
namespace {

namespace fs = std::filesystem;
using target::Verdict;

constexpr size_t kBatch = 16;  // probes that share a process, between two steps of progress
constexpr double kInfinite = std::numeric_limits<double>::infinity();

// A probe on its way: what it is, and what is fed.
struct Probed {
  const RuleProbe* probe = nullptr;
  RuleResult result;
  FormGraph form;
};

// Nodes that change how values are stored, not what they are.
bool is_helper(const std::string& type) {
  static const std::set<std::string> helpers = {"Cast",     "Convert", "Dequantize",
                                                "Quantize", "Reshape", "Transpose"};
  return helpers.contains(type);
}

bool is_float(const htp::ClaimedTensor& tensor) {
  return tensor.dtype.starts_with("float") || tensor.encoding == "BW_FLOAT_BLOCK";
}

bool computes_in_float(const htp::ClaimedNode& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(), is_float) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), is_float);
}

// Whether the compiler was given something else than was written: floats where codes were, or
// several operators for one, or a weight that is widened first.
bool is_lowered(const FormGraph& form, const htp::Claims& claims) {
  std::set<std::string> dequantized;  // values, not constants
  size_t written = 0;
  bool quantized = false;
  for (const graph::Node& node : form.graph.nodes) {
    if (node.op_type == "DequantizeLinear" && form.graph.constant(node.inputs[0]) == nullptr) {
      dequantized.insert(node.outputs[0]);
    }
    if (node.op_type == "DequantizeLinear" || node.op_type == "QuantizeLinear") continue;
    ++written;
    quantized = quantized || dequantized.contains(node.inputs[0]);
  }
  size_t given = 0;
  for (const htp::ClaimedNode& node : claims.nodes) {
    if (node.type == "Dequantize" && node.inputs.front().constant) return true;
    if (is_helper(node.type)) continue;
    if (quantized && computes_in_float(node)) return true;
    ++given;
  }
  return given > written;
}

std::string text_of(const htp::Claims& claims) {
  std::string out;
  for (const auto& [op, count] : claims.op_counts()) {
    out += fmt::format("{}{}{}", out.empty() ? "" : ", ", op,
                       count > 1 ? fmt::format(" x {}", count) : "");
  }
  std::set<std::string> encodings;
  std::set<std::string> dtypes;
  for (const htp::ClaimedNode& node : claims.nodes) {
    for (const htp::ClaimedTensor& tensor : node.inputs) {
      if (!tensor.encoding.empty() && tensor.encoding != "SCALE_OFFSET") {
        encodings.insert(tensor.encoding);
      }
      dtypes.insert(tensor.dtype);
    }
  }
  for (const std::string& encoding : encodings) out += " " + encoding;
  return fmt::format("{} ({})", out, fmt::join(dtypes, " "));
}

Result<std::vector<ort::HostTensor>> on_cpu(const FormGraph& form, const fs::path& model) {
  ort::SessionOptions options;
  options.threads = 1;
  options.optimization = ort::Optimization::kNone;
  LAP_ASSIGN_OR_RETURN(const graph::SavedModel saved,
                       graph::save(form.graph, model, {}, graph::Durability::kScratch));
  LAP_ASSIGN_OR_RETURN(const ort::Session session, ort::Session::open(saved.files[0], options));
  return session.run(form.inputs);
}

FormGraph built(const std::function<void(Form&)>& build, int64_t opset) {
  Form form(opset);
  build(form);
  return std::move(form).finish();
}

Result<double> error_of(const Probed& probed, const htp::EmulatorRun& run, const fs::path& folder) {
  const RuleProbe& probe = *probed.probe;
  const FormGraph form =
      probe.reference ? built(probe.reference, probe.opset) : FormGraph(probed.form);
  LAP_ASSIGN_OR_RETURN(const auto reference, on_cpu(form, folder / "reference.onnx"));
  if (reference.size() != run.outputs.size()) return internal_error("", "outputs are missing");
  double error = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    LAP_ASSIGN_OR_RETURN(const Difference difference,
                         compare(run.outputs[i], reference[i], form.zero_point));
    error = std::max(error, difference.finite ? difference.relative_error : kInfinite);
  }
  return error;
}

void judge(Probed& probed, const Result<htp::EmulatorRun>& run, const fs::path& folder) {
  RuleResult& result = probed.result;
  if (!run.ok()) {
    const Error& why = run.error();
    const bool refused = why.kind == ErrorKind::kUnsupported;
    result.verdict = refused ? Verdict::kRefused : Verdict::kUnmeasured;
    result.note = Error{why.kind, why.what, "", why.remedy}.message();
    return;
  }
  const Result<htp::Claims> claims = htp::read_claims(run->graph_dumps);
  const Result<double> error = error_of(probed, *run, folder);
  if (!claims.ok() || !error.ok()) {
    result.verdict = Verdict::kUnmeasured;
    result.note = (claims.ok() ? error.error() : claims.error()).message();
    return;
  }
  result.error = *error;
  result.note = text_of(*claims);
  result.became_other = result.note.find(probed.probe->becomes) == std::string::npos;
  if (!(result.error <= probed.probe->wrong_above)) {
    result.verdict = Verdict::kWrong;
  } else if (result.error > probed.probe->lowered_above || is_lowered(probed.form, *claims)) {
    result.verdict = Verdict::kLowered;
  } else {
    result.verdict = Verdict::kNative;
  }
}

Result<htp::Emulator> emulator_for(const RuleProbe& probe, const htp::Libraries& libraries,
                                   const target::Target& chip, const RuleProbing& probing,
                                   const fs::path& folder) {
  htp::EmulatorSettings settings = probing.emulator;
  settings.cancel = probing.work.cancel;
  for (const auto& [key, value] : probe.provider_options) {
    const fs::path file = folder / (key + ".json");
    LAP_RETURN_IF_ERROR(write_file(file, value));
    settings.provider_options[key] = file.string();
  }
  return htp::Emulator::create(libraries, chip, std::move(settings));
}

std::vector<Probed> chosen(const std::vector<RuleProbe>& probes, const target::Record& record,
                           const RuleProbing& settings) {
  std::vector<Probed> out;
  for (const RuleProbe& probe : probes) {
    const auto expected = expected_of(probe, record);
    if (!expected || (settings.expecting && expected != settings.expecting)) continue;
    if (!settings.only.empty() && !glob_match(settings.only, probe.id)) continue;
    RuleResult result{
        .id = probe.id, .form = probe.form, .expected = *expected, .expected_error = probe.error};
    out.push_back({&probe, std::move(result), form_of(probe)});
  }
  return out;
}

// Probes [begin, end), which have the same provider options.
Status measure_batch(std::span<Probed> batch, const htp::Emulator& emulator,
                     const fs::path& folder) {
  std::vector<htp::EmulatorJob> jobs;
  for (const Probed& probed : batch) {
    htp::EmulatorJob job{folder / fmt::format("form_{}.onnx", jobs.size()), probed.form.inputs,
                         true, true};
    LAP_ASSIGN_OR_RETURN(const auto saved, graph::save(probed.form.graph, job.model, {},
                                                       graph::Durability::kScratch));
    jobs.push_back(std::move(job));
  }
  LAP_ASSIGN_OR_RETURN(const auto runs, emulator.run_all(jobs, folder));
  for (size_t i = 0; i < batch.size(); ++i) judge(batch[i], runs[i], folder);
  return {};
}

}  // namespace

FormGraph form_of(const RuleProbe& probe) { return built(probe.build, probe.opset); }

std::optional<Verdict> expected_of(const RuleProbe& probe, const target::Record& record) {
  const auto& archs = probe.archs;
  if (!archs.empty() && std::find(archs.begin(), archs.end(), record.arch) == archs.end()) {
    return std::nullopt;
  }
  for (const target::Rule* rule : record.rules) {
    if (rule->id == probe.id) return probe.expected.value_or(rule->verdict);
  }
  const bool is_rule =
      std::any_of(probe.id.begin(), probe.id.end(), [](char c) { return c == '.'; }) &&
      !probe.id.starts_with("limit.");
  return is_rule ? std::nullopt : probe.expected;
}

bool RuleResult::changed() const {
  if (verdict != expected || became_other) return true;
  const bool compared = verdict == Verdict::kNative || verdict == Verdict::kLowered;
  if (!compared || (error < 2e-5 && expected_error < 2e-5)) return false;
  return error > 3 * expected_error || error < expected_error / 3;
}

size_t RuleReport::changed() const {
  return static_cast<size_t>(std::count_if(results.begin(), results.end(),
                                           [](const RuleResult& r) { return r.changed(); }));
}

std::vector<RuleProbe> rule_probes() {
  std::vector<RuleProbe> out;
  for (const auto& family :
       {weight_probes(), product_probes(), folding_probes(), operator_probes(), movement_probes(),
        attention_probes(), limit_probes(), preference_probes()}) {
    out.insert(out.end(), family.begin(), family.end());
  }
  return out;
}

std::vector<Unprobed> unprobed() {
  return {{"limit.most_weight_bytes_measured", "compiles 2.7 GB of weights: a minute, 11 GB"},
          {"clip_by_encoding", "a Clip alone does not show it; docs/htp.md has the figures"}};
}

Result<RuleReport> measure_rules(const htp::Libraries& libraries, const target::Target& chip,
                                 const fs::path& folder, const RuleProbing& settings) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return io_error(folder.string(), error.message());
  LAP_ASSIGN_OR_RETURN(const target::Record record, target::record_of(chip.arch));
  const std::vector<RuleProbe> probes = rule_probes();
  std::vector<Probed> all = chosen(probes, record, settings);
  settings.work.stage("probing " + target::name_of(chip), all.size(), Unit::kProbes);
  for (size_t begin = 0; begin < all.size();) {
    const RuleProbe& first = *all[begin].probe;
    size_t end = begin + 1;
    while (end < all.size() && end - begin < kBatch &&
           all[end].probe->provider_options == first.provider_options) {
      ++end;
    }
    LAP_ASSIGN_OR_RETURN(const htp::Emulator emulator,
                         emulator_for(first, libraries, chip, settings, folder));
    LAP_RETURN_IF_ERROR(
        measure_batch(std::span(all).subspan(begin, end - begin), emulator, folder));
    settings.work.advance(end - begin);
    begin = end;
  }
  RuleReport report{chip.arch, {}};
  for (Probed& probed : all) report.results.push_back(std::move(probed.result));
  return report;
}

}  // namespace lapidary::probe
