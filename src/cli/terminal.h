// What a command needs of the terminal: exit codes, error lines, Ctrl-C, progress.
//
//   CancelToken& cancel = catch_interrupts();
//   TerminalProgress progress;                       // draws on standard error
//   if (Status s = work(progress, cancel); !s.ok()) return report(s.error());
//   return finish_output();
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "base/progress.h"
#include "base/result.h"

namespace lapidary::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitInternal = 1;
inline constexpr int kExitUsage = 2;  // the user's file, option or prompt; the system's refusal
inline constexpr int kExitInterrupted = 130;

int exit_code_of(const Error& error);
// Prints "lapidary: error: ..." as one line on standard error; returns the exit code.
int report(const Error& error);

// From now on the first SIGINT or SIGTERM sets the token that is returned; a second one ends the
// process at once. Call again to wait for the next first one.
CancelToken& catch_interrupts();

// Writes to standard output and flushes, so that the text is seen as it comes. False when it cannot
// be written (disk full, reader gone).
bool write_out(std::string_view text);
// Exit code 0, or that of an error line when standard output could not be written.
int finish_output();
// Writes a command's whole text, or reports why there is none; returns the exit code.
int print_or_report(const Result<std::string>& text);

// All of standard input, or of a file. Errors: kIo naming it; kCancelled.
Result<std::string> read_stdin();
Result<std::string> read_text_file(const std::string& path);

// Progress, by default on standard error: one line that is redrawn on a terminal, one line a stage
// otherwise.
class TerminalProgress final : public ProgressSink {
 public:
  explicit TerminalProgress(std::FILE* to = stderr);
  ~TerminalProgress() override;
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;

  void stage(const std::string& name, uint64_t total) override;
  void advance(uint64_t bytes) override;
  void note(const std::string& line) override;
  // Ends the last stage. Called by the destructor as well.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void end_stage();
  void draw();
  void erase();

  std::FILE* const to_;
  const bool live_;
  std::mutex mutex_;
  std::string name_;
  uint64_t total_ = 0;
  uint64_t done_ = 0;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_draw_;
};

}  // namespace lapidary::cli
