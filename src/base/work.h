// What long work is given by those who ask for it: threads, somebody to report to, and a token that
// ends it early. Passed by value or reference from function to function, whole; `{}` is all cores,
// nobody to report to, no early end.
//
//   Status hash_all(const Files& files, const Work& work) {
//     work.stage("checksums", bytes_of(files), Unit::kBytes);
//     for (const File& file : files) {
//       if (work.is_cancelled()) return cancelled();
//       hash(file, work.threads);
//       work.advance(file.bytes);
//     }
//     return {};
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/progress.h"

namespace lapidary {

// The sink and the token must outlive the work.
struct Work {
  size_t threads = 0;  // 0: all cores
  ProgressSink* progress = nullptr;
  const CancelToken* cancel = nullptr;

  bool is_cancelled() const { return cancel != nullptr && cancel->cancelled(); }
  void stage(const std::string& name, uint64_t total, Unit unit) const {
    if (progress != nullptr) progress->stage(name, total, unit);
  }
  void advance(uint64_t units) const {
    if (progress != nullptr) progress->advance(units);
  }
  void note(const std::string& line) const {
    if (progress != nullptr) progress->note(line);
  }
  // The same without reports: for a part of a stage that counts something else.
  Work silent() const { return {threads, nullptr, cancel}; }
};

}  // namespace lapidary
