// One run of the vendor's compiler: a job's graphs in a process of its own, their products in a
// folder.
//
//   PRODUCTS/context_N.onnx   of graph N; its binary is context.bin, or inside
//   PRODUCTS/context.bin
//   PRODUCTS/dump_N/*.json    what the compiler made of graph N (claims.h)
//   PRODUCTS/run.json         seconds, memory, which nodes were refused and why
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "htp/child.h"
#include "htp/log_cause.h"
#include "htp/provider_options.h"

namespace lapidary::htp {

struct CompilerRun {
  std::string name;                           // for messages
  std::vector<std::filesystem::path> models;  // compiled in this order
  bool embed = false;
  bool allow_cpu = false;

  std::filesystem::path program = {};   // knows the worker (worker.h)
  std::filesystem::path provider = {};  // library
  ProviderOptions options = {};
  ChildLimits limits = {};
  int retries = 0;  // after a crash or a time limit
  Work work = {};   // notes now and then, and an end; the compiler has its own threads
};

struct RunRecord {
  double seconds = 0;
  int64_t peak_bytes = 0;
  std::vector<Refusal> refused;
};

// A model that the HTP does not take.
struct NotTaken {
  std::filesystem::path model;
  std::vector<Refusal> refused;  // may be empty
  std::string cause;             // what else the log tells; may be empty
  std::string what;              // ONNX Runtime's own words
};

// Empty when all went well: the products lie in `folder`/products then. `folder` is made anew.
// Errors: kInternal naming job, graph and signal or limit; kIo; kCancelled.
Result<std::vector<NotTaken>> run_compiler(const CompilerRun& run,
                                           const std::filesystem::path& folder);

std::filesystem::path products_of(const std::filesystem::path& folder);
std::filesystem::path context_file(const std::filesystem::path& products, size_t graph);
std::filesystem::path binary_file(const std::filesystem::path& products);
Result<std::vector<std::filesystem::path>> dumps_of(const std::filesystem::path& products,
                                                    size_t graph);
Result<RunRecord> read_record(const std::filesystem::path& products);

}  // namespace lapidary::htp
