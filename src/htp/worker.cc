// The folder of a request:
//   request.json     provider library, its options, the jobs
//   job_N.in.*       inputs of job N (tensor_files.h), unless it only compiles
//   job_N.log        what ONNX Runtime and the vendor's libraries print meanwhile
//   job_N.out.*      outputs
//   job_N.json       the result; written last, so that a job without one died
#include "htp/worker.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <span>
#include <string_view>

#include "base/files.h"
#include "base/json.h"
#include "base/peak_memory.h"
#include "base/stopwatch.h"
#include "htp/tensor_files.h"
#include "ort/session.h"

namespace lapidary::htp {
namespace {

constexpr std::string_view kWorkerWord = "htp-worker";

std::filesystem::path request_file(const std::filesystem::path& folder) {
  return folder / "request.json";
}

Json json_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json json = Json::object();
  for (const auto& [key, value] : pairs) json[key] = value;
  return json;
}

std::vector<std::pair<std::string, std::string>> pairs_of(const Json& json) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [key, value] : json.items()) pairs.emplace_back(key, value.get<std::string>());
  return pairs;
}

Status redirect_output(const std::filesystem::path& log) {
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return io_error(log.string(), "cannot write the log");
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  ::close(file);
  return {};
}

void print(std::string_view line) {
  // A log line that is lost is no reason to stop.
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, line.data(), line.size());
}

Result<Json> do_job(const std::filesystem::path& folder, size_t index,
                    const WorkerRequest& request) {
  const WorkerJob& job = request.jobs[index];
  ort::SessionOptions options;
  options.verbose = true;
  options.execution_provider = {"QNN", request.provider, request.options, job.allow_cpu};
  options.config = job.config;
  // What the CPU is left with is fused only after the HTP has had its choice; unfused it keeps the
  // names under which a caller knows and allows it.
  if (job.allow_cpu) options.optimization = ort::Optimization::kBasic;
  if (!job.dump_folder.empty()) {
    auto& provider = options.execution_provider->options;
    provider.emplace_back("dump_json_qnn_graph", "1");
    provider.emplace_back("json_qnn_graph_dir", job.dump_folder.string());
  }
  Json result = Json::object();
  Stopwatch watch;
  LAP_ASSIGN_OR_RETURN(const ort::Session session, ort::Session::open(job.model, options));
  result["compile_seconds"] = watch.seconds();
  print(std::string("\n") + kCompiledMark + "\n");
  result["run_seconds"] = 0.0;
  if (job.run) {
    LAP_ASSIGN_OR_RETURN(const auto inputs, read_tensors(job_inputs(folder, index)));
    watch = Stopwatch();
    LAP_ASSIGN_OR_RETURN(const auto outputs, session.run(inputs));
    result["run_seconds"] = watch.seconds();
    LAP_RETURN_IF_ERROR(write_tensors(job_outputs(folder, index), outputs));
  }
  result["peak_bytes"] = peak_resident_bytes();
  return result;
}

Status do_jobs(const std::filesystem::path& folder, size_t first) {
  LAP_ASSIGN_OR_RETURN(const WorkerRequest request, read_request(folder));
  for (size_t i = first; i < request.jobs.size(); ++i) {
    LAP_RETURN_IF_ERROR(redirect_output(job_log(folder, i)));
    Result<Json> result = do_job(folder, i, request);
    const Json json = result.ok() ? *result : Json{{"error", result.error().what}};
    LAP_RETURN_IF_ERROR(replace_file(job_result(folder, i),
                                     json.dump(-1, ' ', false, Json::error_handler_t::replace)));
    if (!result.ok() && !request.keep_going) break;
  }
  return {};
}

std::filesystem::path job_file(const std::filesystem::path& folder, size_t job,
                               const char* extension) {
  return folder / fmt::format("job_{}{}", job, extension);
}

}  // namespace

std::filesystem::path job_inputs(const std::filesystem::path& folder, size_t job) {
  return job_file(folder, job, ".in");
}
std::filesystem::path job_outputs(const std::filesystem::path& folder, size_t job) {
  return job_file(folder, job, ".out");
}
std::filesystem::path job_log(const std::filesystem::path& folder, size_t job) {
  return job_file(folder, job, ".log");
}
std::filesystem::path job_result(const std::filesystem::path& folder, size_t job) {
  return job_file(folder, job, ".json");
}

std::vector<std::string> worker_arguments(const std::filesystem::path& folder, size_t first_job) {
  return {std::string(kWorkerWord), folder.string(), std::to_string(first_job)};
}

Status write_request(const std::filesystem::path& folder, const WorkerRequest& request) {
  Json jobs = Json::array();
  for (const WorkerJob& job : request.jobs) {
    jobs.push_back(Json{{"model", job.model.string()},
                        {"dump_folder", job.dump_folder.string()},
                        {"run", job.run},
                        {"allow_cpu", job.allow_cpu},
                        {"config", json_of(job.config)}});
  }
  const Json json = {{"provider", request.provider.string()},
                     {"options", json_of(request.options)},
                     {"keep_going", request.keep_going},
                     {"jobs", std::move(jobs)}};
  return write_file(request_file(folder),
                    json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<WorkerRequest> read_request(const std::filesystem::path& folder) {
  LAP_ASSIGN_OR_RETURN(const Json json, load_json(request_file(folder)));
  try {
    WorkerRequest request;
    request.provider = json.at("provider").get<std::string>();
    request.options = pairs_of(json.at("options"));
    request.keep_going = json.at("keep_going").get<bool>();
    for (const Json& job : json.at("jobs")) {
      request.jobs.push_back({job.at("model").get<std::string>(),
                              job.at("dump_folder").get<std::string>(), job.at("run").get<bool>(),
                              job.at("allow_cpu").get<bool>(), pairs_of(job.at("config"))});
    }
    return request;
  } catch (const Json::exception& e) {
    return bad_input(request_file(folder).string(), e.what());
  }
}

bool is_worker(int argc, const char* const* argv) { return argc == 4 && kWorkerWord == argv[1]; }

int run_worker(int argc, const char* const* argv) {
  const std::span<const char* const> words(argv, static_cast<size_t>(argc));
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody waits for the result then
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::absolute(words[2], error);
  if (!error) std::filesystem::current_path(folder, error);
  const Status done = error ? Status(io_error(words[2], error.message()))
                            : do_jobs(folder, std::strtoul(words[3], nullptr, 10));
  if (done.ok()) _exit(0);
  print(done.error().message() + "\n");
  return 3;
}

}  // namespace lapidary::htp
