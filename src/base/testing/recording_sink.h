// A sink that remembers what it was told, for tests of what long work reports and of its early end.
//
//   RecordingSink sink(begin_of("decoder"));  // ends the work there; without an argument, nowhere
//   EXPECT_FALSE(long_work(sink.work()).ok());
//   EXPECT_EQ(sink.last().unit, Unit::kBytes);
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "base/work.h"

namespace lapidary {

// Read it when the work is over: the work's threads write it until then.
class RecordingSink final : public ProgressSink {
 public:
  struct Stage {
    std::string name = {};
    uint64_t total = 0;
    Unit unit = Unit::kBytes;
    uint64_t done = 0;
    uint64_t left() const { return total - done; }
  };
  using Condition = std::function<bool(const RecordingSink&)>;

  // Cancels the work as soon as `end` is true, which is asked at every stage and every advance.
  explicit RecordingSink(Condition end = {}) : end_(std::move(end)) {}

  void stage(const std::string& name, uint64_t total, Unit unit) override {
    const std::lock_guard lock(mutex_);
    stages.push_back({name, total, unit});
    if (end_ && end_(*this)) cancel.cancel();
  }
  void advance(uint64_t units) override {
    const std::lock_guard lock(mutex_);
    steps.push_back(units);
    if (!stages.empty()) stages.back().done += units;
    if (end_ && end_(*this)) cancel.cancel();
  }
  void note(const std::string& line) override { notes.push_back(line); }

  // Work that reports here and ends by `cancel`.
  Work work(size_t threads = 0) { return {threads, this, &cancel}; }

  // The stage begun last; an empty one before the first.
  Stage last() const { return stages.empty() ? Stage() : stages.back(); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const Stage& each : stages) out.push_back(each.name);
    return out;
  }
  // Of all stages together.
  uint64_t total() const {
    uint64_t out = 0;
    for (const Stage& each : stages) out += each.total;
    return out;
  }
  uint64_t done() const {
    uint64_t out = 0;
    for (const uint64_t units : steps) out += units;
    return out;
  }

  std::vector<Stage> stages;
  std::vector<uint64_t> steps;  // units of each advance
  std::vector<std::string> notes;
  CancelToken cancel;

 private:
  Condition end_;
  std::mutex mutex_;
};

inline RecordingSink::Condition begin_of(std::string stage) {
  return [stage = std::move(stage)](const RecordingSink& sink) {
    return !sink.stages.empty() && sink.stages.back().name == stage;
  };
}

inline RecordingSink::Condition first_unit_of(std::string stage) {
  return [stage = std::move(stage)](const RecordingSink& sink) {
    return sink.last().name == stage && sink.last().done > 0;
  };
}

// Of any stage, or of work that begins none.
inline bool first_unit(const RecordingSink& sink) { return sink.done() > 0; }

}  // namespace lapidary
