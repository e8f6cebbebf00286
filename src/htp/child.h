// A program run in a process of its own, with a time limit and a memory limit: the vendor's
// compiler crashes, and what it takes of memory is seen only from outside.
//
//   LAP_ASSIGN_OR_RETURN(const htp::ChildEnd end,
//                        htp::run_child({.program = exe,
//                                        .arguments = {"htp-worker", folder.string()},
//                                        .log = folder / "worker.log"}));
//   if (!end.ok()) print(end.describe());  // "died of signal 11 (Segmentation fault)"
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"

namespace lapidary::htp {

struct ChildLimits {
  double seconds = 900;      // without progress, see ChildCommand::progress
  int64_t memory_bytes = 0;  // resident; 0: none
};

struct ChildCommand {
  std::filesystem::path program;
  std::vector<std::string> arguments;  // after the program's name
  std::filesystem::path log;           // both output streams go there; input is empty
  ChildLimits limits = {};
  // Counts what the child has finished: when the number changes, its time starts anew.
  std::function<uint64_t()> progress = {};
  // Told about once a second of the time since the start and of the resident memory.
  std::function<void(double seconds, int64_t bytes)> watch = {};
  const CancelToken* cancel = nullptr;
};

struct ChildEnd {
  enum class Reason { kExit, kSignal, kTime, kMemory };
  Reason reason = Reason::kExit;
  int code = 0;  // exit code or signal
  double seconds = 0;
  int64_t peak_bytes = 0;  // most resident memory

  bool ok() const { return reason == Reason::kExit && code == 0; }
  // "ended with exit code 3", "was stopped after 900 s without progress", ...
  std::string describe() const;
};

// Waits for the end. Errors: kIo when the program cannot be started or the log not be written;
// kCancelled, the child being gone by then. The child is the leader of a process group of its own,
// which is killed whole.
Result<ChildEnd> run_child(const ChildCommand& command);

// All of a log; "" without one.
std::string log_text(const std::filesystem::path& log);
// The last non-empty lines of a log, joined by " | ", at most `bytes` long; "" without a log.
std::string log_tail(const std::filesystem::path& log, size_t bytes = 400);

// The program that runs.
std::filesystem::path own_program();

}  // namespace lapidary::htp
