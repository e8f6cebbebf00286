#include "probe/unit_verdicts.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "graph/onnx_writer.h"

namespace lapidary::probe {
namespace {

namespace fs = std::filesystem;

Result<htp::EmulatorJob> saved_job(const UnitModel& model, const fs::path& file) {
  LAP_ASSIGN_OR_RETURN(const auto saved,
                       graph::save(model.graph, file, {}, graph::Durability::kScratch));
  return htp::EmulatorJob{saved.files[0], model.inputs};
}

Result<std::vector<ort::HostTensor>> on_cpu(const htp::EmulatorJob& job) {
  ort::SessionOptions options;
  options.threads = 1;  // a pool of threads costs more than a node
  options.optimization = ort::Optimization::kNone;
  LAP_ASSIGN_OR_RETURN(const ort::Session session, ort::Session::open(job.model, options));
  return session.run(job.inputs);
}

UnitVerdict judged(const Difference& difference, const UnitModel& unit, const ProbeLimits& limits) {
  const double precise = unit.has_8bit_activation ? limits.precise_8bit : limits.precise;
  Verdict verdict = Verdict::kRight;
  if (difference.relative_error > precise) verdict = Verdict::kImprecise;
  if (!difference.finite || difference.relative_error > limits.wrong) verdict = Verdict::kWrong;
  return {verdict, difference, ""};
}

// One for each unit, whose outputs stand one after the other.
Result<std::vector<UnitVerdict>> compared(std::span<const UnitModel> units,
                                          const htp::EmulatorJob& job, const htp::EmulatorRun& run,
                                          const ProbeLimits& limits) {
  LAP_ASSIGN_OR_RETURN(const auto reference, on_cpu(job));
  if (reference.size() != run.outputs.size()) {
    return internal_error(job.model.string(), "outputs are missing");
  }
  std::vector<UnitVerdict> out;
  size_t output = 0;
  for (const UnitModel& unit : units) {
    Difference worst;
    for (size_t i = 0; i < unit.graph.outputs.size(); ++i, ++output) {
      LAP_ASSIGN_OR_RETURN(const Difference one, compare(run.outputs[output], reference[output]));
      worst.cosine = std::min(worst.cosine, one.cosine);
      worst.relative_error = std::max(worst.relative_error, one.relative_error);
      worst.finite = worst.finite && one.finite;
    }
    out.push_back(judged(worst, unit, limits));
  }
  return out;
}

UnitVerdict alone(const UnitModel& unit, const htp::EmulatorJob& job,
                  const Result<htp::EmulatorRun>& run, const ProbeLimits& limits) {
  const auto verdicts = run.ok() ? compared(std::span(&unit, 1), job, *run, limits)
                                 : Result<std::vector<UnitVerdict>>(run.error());
  if (verdicts.ok()) return verdicts->front();
  const Error& why = verdicts.error();
  const bool refused = !run.ok() && why.kind == ErrorKind::kUnsupported;
  return {refused ? Verdict::kRefused : Verdict::kFailed,
          {},
          Error{why.kind, why.what, "", why.remedy}.message()};
}

// Marks what is right; a model that is refused or fails tells nothing.
Status try_together(std::span<const UnitModel> units, const htp::Emulator& emulator,
                    const fs::path& folder, const ProbeLimits& limits,
                    std::vector<UnitVerdict>& verdicts) {
  LAP_ASSIGN_OR_RETURN(const htp::EmulatorJob job, saved_job(joined(units), folder / "nodes.onnx"));
  LAP_ASSIGN_OR_RETURN(const auto runs, emulator.run_all(std::span(&job, 1), folder));
  if (!runs.front().ok()) return {};
  auto found = compared(units, job, *runs.front(), limits);
  if (found.ok()) verdicts = std::move(*found);
  return {};
}

}  // namespace

Result<std::vector<UnitVerdict>> unit_verdicts(std::span<const UnitModel> units,
                                               const htp::Emulator& emulator,
                                               const fs::path& folder, const ProbeLimits& limits) {
  std::vector<UnitVerdict> verdicts(units.size());
  const bool one_opset = std::all_of(units.begin(), units.end(), [&units](const UnitModel& unit) {
    return unit.graph.opsets == units.front().graph.opsets;
  });
  if (units.size() > 1 && one_opset) {
    LAP_RETURN_IF_ERROR(try_together(units, emulator, folder, limits, verdicts));
  }
  std::vector<htp::EmulatorJob> jobs;
  std::vector<size_t> open;  // unit of each job
  for (size_t i = 0; i < units.size(); ++i) {
    if (verdicts[i].verdict == Verdict::kRight) continue;
    const fs::path file = folder / fmt::format("node_{}.onnx", open.size());
    LAP_ASSIGN_OR_RETURN(htp::EmulatorJob job, saved_job(units[i], file));
    jobs.push_back(std::move(job));
    open.push_back(i);
  }
  if (jobs.empty()) return verdicts;
  LAP_ASSIGN_OR_RETURN(const auto runs, emulator.run_all(jobs, folder));
  for (size_t i = 0; i < jobs.size(); ++i) {
    verdicts[open[i]] = alone(units[open[i]], jobs[i], runs[i], limits);
  }
  return verdicts;
}

}  // namespace lapidary::probe
