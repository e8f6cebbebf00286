// Runs the program as a child process.
//
//   Outcome out = lapidary({"run", package("cpu-fp32"), "Hello"});
//   EXPECT_EQ(out.exit_code, 0) << out.err;
#pragma once

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace lapidary::e2e {

struct Outcome {
  int exit_code = -1;  // 128 + signal when killed
  std::string out;
  std::string err;
  int64_t resident_bytes = 0;  // the most it held
};

struct ChildOptions {
  std::string input = {};  // standard input
  // Sends SIGINT once the child has written so many bytes to standard output; 0: never.
  size_t interrupt_after = 0;
  // Sends SIGKILL once the child has written this to standard output; "": never.
  std::string kill_at = {};
  // Standard output is a terminal, which hands on what it is given as it is.
  bool terminal = false;
  int kill_after_us = -1;      // a signal so long after the start, before what it wrote is read
  int kill_signal = SIGKILL;   // that one
  long file_bytes = -1;        // RLIMIT_FSIZE: writes beyond fail, as on a full disk
  long address_bytes = -1;     // RLIMIT_AS: no more memory than that, counting what is mapped
  unsigned seconds = 0;        // SIGALRM after so many: what waits for ever; 0: never
  bool no_reader = false;      // nobody reads standard output
  std::string tiny_disk = {};  // a folder on which the child sees a file system of 1 MiB
};

inline constexpr int kCannotMount = 126;  // exit code when `tiny_disk` is not to be had

Outcome lapidary(const std::vector<std::string>& arguments, const ChildOptions& options = {});

// The JSON object that the program printed. The running test fails when it did anything else: an
// exit code other than 0, no JSON.
Json json_of(const Outcome& outcome);

// A package that the test fixture built: "cpu-fp32", "cpu-int4", "olive-cpu-int4".
std::string package(const std::string& recipe);
// A file of models/tiny-gemma4.
std::string tiny(const std::string& path);
// The tiny model's text samples (samples/expected.json): what Hugging Face answered.
std::vector<Json> text_samples();

}  // namespace lapidary::e2e
