// Progress of long work, reported through a sink that the face (CLI, server) owns, and the token
// that ends it early. Both travel in a Work (work.h).
//
//   sink.stage("calibrate", samples.size(), Unit::kSamples);
//   for (const Sample& sample : samples) {
//     run(sample);
//     sink.advance(1);
//   }
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace lapidary {

// What a stage counts.
enum class Unit { kBytes, kGraphs, kItems, kLines, kNodes, kProbes, kSamples, kTokens };

// Thread-safety: `advance` may be called from any thread; `stage` and `note` from the one that
// drives.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  // A new stage of `total` units begins (0: of unknown length); it lasts until the next one.
  virtual void stage(const std::string& name, uint64_t total, Unit unit) = 0;
  // So many more units of the stage are done.
  virtual void advance(uint64_t units) = 0;
  // A line worth keeping: a warning, a skipped stage, a result.
  virtual void note(const std::string& line) = 0;
};

// Set by a signal handler, polled by long work, which then returns cancelled().
class CancelToken {
 public:
  void cancel() { flag_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return flag_.load(std::memory_order_relaxed); }
  void reset() { flag_.store(false, std::memory_order_relaxed); }

 private:
  std::atomic<bool> flag_{false};
};

}  // namespace lapidary
