// The side of emulator and compiler that runs in a process of its own: the only code that loads the
// vendor's libraries. The program that uses either starts itself again with hidden arguments, so
// its main() begins with
//
//   if (htp::is_worker(argc, argv)) return htp::run_worker(argc, argv);
//
// The two sides talk through files in one folder; see worker.cc.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "htp/provider_options.h"

namespace lapidary::htp {

bool is_worker(int argc, const char* const* argv);
// Does what the folder's request asks for. Does not return when all went well: what the vendor's
// libraries do at exit is of no interest.
int run_worker(int argc, const char* const* argv);

// What both sides know of the folder. The worker's current directory is the folder, so paths may be
// relative to it.
struct WorkerJob {
  std::filesystem::path model;
  std::filesystem::path dump_folder = {};  // "": no dump
  bool run = true;                         // false: compile only
  bool allow_cpu = false;                  // nodes that the HTP refuses run on the CPU
  std::vector<std::pair<std::string, std::string>> config = {};  // of the session, verbatim
};
struct WorkerRequest {
  std::filesystem::path provider;
  ProviderOptions options;
  std::vector<WorkerJob> jobs;
  bool keep_going = true;  // after a job with an error
};
Status write_request(const std::filesystem::path& folder, const WorkerRequest& request);
// Errors: kBadInput naming the file; those of load_json.
Result<WorkerRequest> read_request(const std::filesystem::path& folder);
std::vector<std::string> worker_arguments(const std::filesystem::path& folder, size_t first_job);

std::filesystem::path job_inputs(const std::filesystem::path& folder, size_t job);   // a stem
std::filesystem::path job_outputs(const std::filesystem::path& folder, size_t job);  // a stem
std::filesystem::path job_log(const std::filesystem::path& folder, size_t job);
std::filesystem::path job_result(const std::filesystem::path& folder, size_t job);
// Stands in a job's log from where the compiler has done its part.
inline constexpr const char* kCompiledMark = "lapidary: compiled";

}  // namespace lapidary::htp
