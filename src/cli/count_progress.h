// Progress of work that is counted in items: "encoding: 3 of 8".
//
//   CountProgress progress;
//   LAP_ASSIGN_OR_RETURN(auto encoded, encoder.encode(items, &progress, &cancel));
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>

#include "base/progress.h"

namespace lapidary::cli {

// By default on standard error: on a terminal one line that is redrawn and erased at the end;
// elsewhere nothing, but a line now and then once the work takes longer than a few seconds.
class CountProgress final : public ProgressSink {
 public:
  explicit CountProgress(std::FILE* to = stderr);
  ~CountProgress() override;
  CountProgress(const CountProgress&) = delete;
  CountProgress& operator=(const CountProgress&) = delete;

  void stage(const std::string& name, uint64_t total) override;
  void advance(uint64_t items) override;
  void note(const std::string& line) override;

 private:
  using Clock = std::chrono::steady_clock;
  std::string line() const;
  void draw();
  void erase();

  std::FILE* const to_;
  const bool live_;
  std::mutex mutex_;
  std::string name_;
  uint64_t total_ = 0;
  uint64_t done_ = 0;
  bool drawn_ = false;
  Clock::time_point last_line_;
};

}  // namespace lapidary::cli
