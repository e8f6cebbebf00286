// The worker's folder (worker.h) is the run's. It sees the models as graph_N/FILE, through links:
// the provider names partitions by a hash of the model's path, so that equal jobs make equal bytes
// wherever their models lie.
#include "htp/compile_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <csignal>

#include "base/files.h"
#include "base/json.h"
#include "htp/child.h"
#include "htp/worker.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;

// Seconds until a compile that goes on is worth a line; the next come at twice the time.
constexpr double kFirstNote = 15;

fs::path link_to(size_t graph) { return fmt::format("graph_{}", graph); }
fs::path dump_folder(size_t graph) { return fmt::format("dump_{}", graph); }

// Session config entries: keys of ONNX Runtime 1.31.
std::vector<std::pair<std::string, std::string>> config_of(const CompilerRun& run, size_t graph) {
  std::vector<std::pair<std::string, std::string>> config = {
      {"ep.context_enable", "1"},
      {"ep.context_embed_mode", run.embed ? "1" : "0"},
      {"ep.context_file_path", context_file("", graph).string()}};
  if (run.models.size() > 1) {
    config.emplace_back("ep.share_ep_contexts", "1");
    if (graph + 1 == run.models.size()) config.emplace_back("ep.stop_share_ep_contexts", "1");
  }
  return config;
}

Status prepare(const CompilerRun& run, const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  fs::create_directories(folder, error);
  if (error) return system_error(folder, error.value());
  WorkerRequest request{run.provider, run.options, {}, false};
  for (size_t i = 0; i < run.models.size(); ++i) {
    const fs::path model = fs::absolute(run.models[i]);
    fs::create_directory_symlink(model.parent_path(), folder / link_to(i), error);
    if (!error) fs::create_directory(folder / dump_folder(i), error);
    if (error) return system_error(folder, error.value());
    request.jobs.push_back(
        {link_to(i) / model.filename(), dump_folder(i), false, run.allow_cpu, config_of(run, i)});
  }
  return write_request(folder, request);
}

size_t finished_jobs(const CompilerRun& run, const fs::path& folder) {
  size_t done = 0;
  while (done < run.models.size() && fs::exists(job_result(folder, done))) ++done;
  return done;
}

std::string memory_text(const std::string& name, double seconds, int64_t bytes) {
  const double gibibytes = static_cast<double>(bytes) / static_cast<double>(int64_t{1} << 30);
  return fmt::format("{}: compiling for {:.0f} s, {:.1f} GiB of memory", name, seconds, gibibytes);
}

Result<ChildEnd> run_once(const CompilerRun& run, const fs::path& folder) {
  LAP_RETURN_IF_ERROR(prepare(run, folder));
  ChildCommand command{run.program, worker_arguments(folder, 0), folder / "worker.log", run.limits};
  command.cancel = run.work.cancel;
  command.progress = [&] { return finished_jobs(run, folder); };
  if (run.work.progress != nullptr) {
    command.watch = [&run, due = kFirstNote](double seconds, int64_t bytes) mutable {
      if (seconds < due) return;
      due *= 2;
      run.work.note(memory_text(run.name, seconds, bytes));
    };
  }
  return run_child(command);
}

// The process ended before all graphs were compiled.
Error died(const CompilerRun& run, const fs::path& folder, const ChildEnd& end) {
  const size_t graph = finished_jobs(run, folder);
  fs::path log = job_log(folder, graph);
  if (!fs::exists(log)) log = folder / "worker.log";
  std::string remedy;
  const bool for_memory = end.reason == ChildEnd::Reason::kMemory ||
                          (end.reason == ChildEnd::Reason::kSignal && end.code == SIGKILL);
  if (for_memory) {
    remedy = "cut the model into more parts, or give the compiler more memory";
  } else if (end.reason == ChildEnd::Reason::kTime) {
    remedy = "cut the model into more parts, or raise the time limit";
  } else if (const std::string tail = log_tail(log); !tail.empty()) {
    remedy = "last lines of its log: " + tail;
  }
  const std::string model = graph < run.models.size() ? run.models[graph].string() : "";
  return internal_error(run.name, fmt::format("the compiler of {} {}", model, end.describe()),
                        std::move(remedy));
}

bool worth_another_try(const ChildEnd& end) {
  if (end.reason == ChildEnd::Reason::kTime) return true;
  return end.reason == ChildEnd::Reason::kSignal && end.code != SIGKILL;
}

Result<std::vector<NotTaken>> not_taken(const CompilerRun& run, const fs::path& folder) {
  std::vector<NotTaken> out;
  for (size_t i = 0; i < run.models.size() && fs::exists(job_result(folder, i)); ++i) {
    LAP_ASSIGN_OR_RETURN(const JsonDocument result, JsonDocument::load(job_result(folder, i)));
    JsonReader reader = result.root();
    if (!reader.has("error")) continue;
    const std::string log = log_text(job_log(folder, i));
    out.push_back({run.models[i], refusals(log), log_cause(log), reader.string("error")});
    LAP_RETURN_IF_ERROR(result.finish());
  }
  return out;
}

// The one binary that the compiler left, under a name of its own.
Status keep_binary(const CompilerRun& run, const fs::path& folder) {
  if (run.embed) return {};
  std::vector<fs::path> binaries;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".bin") binaries.push_back(entry.path());
  }
  if (binaries.size() != 1) {
    return internal_error(
        run.name,
        fmt::format("the compiler left {} context binaries instead of one", binaries.size()));
  }
  fs::rename(binaries.front(), binary_file(products_of(folder)), error);
  return error ? Status(system_error(binaries.front(), error.value())) : Status();
}

Json json_of(const RunRecord& record) {
  Json refused = Json::array();
  for (const Refusal& refusal : record.refused) {
    refused.push_back(Json{{"node", refusal.node}, {"op", refusal.op}, {"reason", refusal.reason}});
  }
  return Json{{"seconds", record.seconds},
              {"peak_bytes", record.peak_bytes},
              {"refused", std::move(refused)}};
}

// Of the compiler alone: what the system says of a process that ended (ChildEnd) begins with what
// its parent held.
Result<int64_t> peak_of(const fs::path& folder, size_t last_job) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument result, JsonDocument::load(job_result(folder, last_job)));
  const int64_t bytes = result.root().integer("peak_bytes");
  LAP_RETURN_IF_ERROR(result.finish());
  return bytes;
}

// Puts the products where products_of() says, and nothing else with them.
Status keep_products(const CompilerRun& run, const fs::path& folder, const ChildEnd& end) {
  const fs::path products = products_of(folder);
  std::error_code error;
  fs::create_directory(products, error);
  RunRecord record{end.seconds, 0, {}};
  LAP_ASSIGN_OR_RETURN(record.peak_bytes, peak_of(folder, run.models.size() - 1));
  for (size_t i = 0; i < run.models.size(); ++i) {
    const fs::path context = context_file("", i);
    if (!fs::exists(folder / context)) {
      const std::string cause = log_cause(log_text(job_log(folder, i)));
      return unsupported(run.models[i].string(),
                         "the HTP takes no node of it" + (cause.empty() ? "" : ": " + cause));
    }
    fs::rename(folder / context, products / context, error);
    if (!error) fs::rename(folder / dump_folder(i), products / dump_folder(i), error);
    if (error) return system_error(products, error.value());
    for (Refusal& refusal : refusals(log_text(job_log(folder, i)))) {
      record.refused.push_back(std::move(refusal));
    }
  }
  LAP_RETURN_IF_ERROR(keep_binary(run, folder));
  return write_file(products / "run.json",
                    json_of(record).dump(1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

fs::path products_of(const fs::path& folder) { return folder / "products"; }
fs::path context_file(const fs::path& products, size_t graph) {
  return products / fmt::format("context_{}.onnx", graph);
}
fs::path binary_file(const fs::path& products) { return products / "context.bin"; }

Result<std::vector<fs::path>> dumps_of(const fs::path& products, size_t graph) {
  const fs::path folder = products / dump_folder(graph);
  std::vector<fs::path> dumps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path& path = entry.path();
    // The provider writes a list of tensors beside each graph.
    if (path.extension() == ".json" &&
        path.filename().string().find("tensor_log") == std::string::npos) {
      dumps.push_back(path);
    }
  }
  if (error) return system_error(folder, error.value());
  std::sort(dumps.begin(), dumps.end());
  return dumps;
}

Result<RunRecord> read_record(const fs::path& products) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::load(products / "run.json"));
  JsonReader reader = document.root();
  RunRecord record{reader.number("seconds"), reader.integer("peak_bytes"), {}};
  for (JsonReader& refused : reader.objects("refused")) {
    record.refused.push_back(
        {refused.string("node"), refused.string("op"), refused.string("reason")});
  }
  LAP_RETURN_IF_ERROR(document.finish());
  return record;
}

Result<std::vector<NotTaken>> run_compiler(const CompilerRun& run, const fs::path& folder) {
  for (int retries = run.retries;; --retries) {
    LAP_ASSIGN_OR_RETURN(const ChildEnd end, run_once(run, folder));
    LAP_ASSIGN_OR_RETURN(std::vector<NotTaken> refused, not_taken(run, folder));
    if (!refused.empty()) return refused;
    if (finished_jobs(run, folder) == run.models.size()) {
      LAP_RETURN_IF_ERROR(keep_products(run, folder, end));
      return refused;
    }
    Error error = died(run, folder, end);
    if (retries <= 0 || !worth_another_try(end)) return error;
    run.work.note("trying again: " + error.message());
  }
}

}  // namespace lapidary::htp
