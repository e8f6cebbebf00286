#include "htp/emulator.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/json.h"
#include "htp/child.h"
#include "htp/log_cause.h"
#include "htp/tensor_files.h"
#include "htp/worker.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;

fs::path dump_folder(const fs::path& folder, size_t job) {
  return folder / fmt::format("dump_{}", job);
}

Status prepare(std::span<const EmulatorJob> jobs, const fs::path& folder, WorkerRequest& request) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return io_error(folder.string(), error.message());
  for (size_t i = 0; i < jobs.size(); ++i) {
    fs::remove(job_result(folder, i), error);
    WorkerJob job{fs::absolute(jobs[i].model), {}, jobs[i].run};
    if (jobs[i].dump) {
      job.dump_folder = fs::absolute(dump_folder(folder, i));
      fs::remove_all(job.dump_folder, error);
      fs::create_directories(job.dump_folder, error);
      if (error) return io_error(job.dump_folder.string(), error.message());
    }
    if (jobs[i].run) LAP_RETURN_IF_ERROR(write_tensors(job_inputs(folder, i), jobs[i].inputs));
    request.jobs.push_back(std::move(job));
  }
  return write_request(folder, request);
}

// The first job from `from` on that has no result.
size_t first_open(const fs::path& folder, size_t from, size_t jobs) {
  while (from < jobs && fs::exists(job_result(folder, from))) ++from;
  return from;
}

Error died(const EmulatorJob& job, const fs::path& log, const ChildEnd& end) {
  const bool compiled = log_text(log).find(kCompiledMark) != std::string::npos;
  const std::string stage = compiled ? "running on the emulated HTP" : "being compiled for the HTP";
  const std::string tail = log_tail(log);
  return internal_error(job.model.string(),
                        fmt::format("while {}, its process {}", stage, end.describe()),
                        tail.empty() ? "" : "last lines of its log: " + tail);
}

Error refused(const EmulatorJob& job, const fs::path& log, const std::string& what) {
  const std::string text = log_text(log);
  const std::string cause = log_cause(text);
  if (text.find(kCompiledMark) != std::string::npos) {
    return internal_error(job.model.string(),
                          "the emulated HTP cannot run it: " + (cause.empty() ? what : cause));
  }
  return unsupported(job.model.string(),
                     "the HTP does not take it: " + (cause.empty() ? what : cause));
}

Result<std::vector<fs::path>> dumps_of(const fs::path& folder) {
  std::vector<fs::path> dumps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path& path = entry.path();
    // The provider writes a list of tensors beside each graph.
    if (path.extension() == ".json" && path.string().find("tensor_log") == std::string::npos) {
      dumps.push_back(path);
    }
  }
  if (error) return io_error(folder.string(), error.message());
  std::sort(dumps.begin(), dumps.end());
  return dumps;
}

Result<EmulatorRun> outcome(const EmulatorJob& job, const fs::path& folder, size_t index) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::load(job_result(folder, index)));
  JsonReader reader = document.root();
  if (reader.has("error")) return refused(job, job_log(folder, index), reader.string("error"));
  EmulatorRun run;
  run.compile_seconds = reader.number("compile_seconds");
  run.run_seconds = reader.number("run_seconds");
  run.peak_bytes = reader.integer("peak_bytes");
  LAP_RETURN_IF_ERROR(document.finish());
  if (job.run) {
    LAP_ASSIGN_OR_RETURN(run.outputs, read_tensors(job_outputs(folder, index)));
  }
  if (job.dump) {
    LAP_ASSIGN_OR_RETURN(run.graph_dumps, dumps_of(dump_folder(folder, index)));
  }
  return run;
}

}  // namespace

Result<Emulator> Emulator::create(const Libraries& libraries, const target::Target& chip,
                                  EmulatorSettings settings) {
  LAP_ASSIGN_OR_RETURN(ProviderOptions options,
                       htp::provider_options(libraries, chip, settings.provider_options));
  if (settings.program.empty()) settings.program = own_program();
  return Emulator(libraries.provider(), std::move(options), std::move(settings));
}

Result<std::vector<Result<EmulatorRun>>> Emulator::run_all(std::span<const EmulatorJob> jobs,
                                                           const fs::path& folder) const {
  WorkerRequest request{provider_, options_, {}};
  LAP_RETURN_IF_ERROR(prepare(jobs, folder, request));
  std::vector<Result<EmulatorRun>> runs;
  while (runs.size() < jobs.size()) {
    const size_t first = runs.size();
    ChildCommand command{settings_.program, worker_arguments(folder, first), folder / "worker.log",
                         settings_.limits};
    command.cancel = settings_.cancel;
    command.progress = [&folder, &jobs, at = first]() mutable {
      return at = first_open(folder, at, jobs.size());
    };
    LAP_ASSIGN_OR_RETURN(const ChildEnd end, run_child(command));
    const size_t open = first_open(folder, first, jobs.size());
    for (size_t i = first; i < open; ++i) runs.push_back(outcome(jobs[i], folder, i));
    if (open == jobs.size()) break;
    if (!fs::exists(job_log(folder, open))) {
      return internal_error(settings_.program.string(),
                            "the process that runs the HTP " + end.describe(),
                            log_tail(command.log));
    }
    runs.emplace_back(died(jobs[open], job_log(folder, open), end));
  }
  return runs;
}

Result<EmulatorRun> Emulator::run(const EmulatorJob& job, const fs::path& folder) const {
  LAP_ASSIGN_OR_RETURN(auto runs, run_all(std::span(&job, 1), folder));
  return std::move(runs.front());
}

}  // namespace lapidary::htp
