// What one rendering shares: the budget that stops hostile templates, and how it stops.
//
// Inside this room a failure unwinds as the exception `Failure`; Template::parse and
// Template::render turn it into an Error, so none leaves the room.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"

namespace lapidary::jinja {

struct Failure {
  ErrorKind kind = ErrorKind::kBadInput;
  std::string what;
  int line = 0;  // 0: not known here; the interpreter fills in the line it was at
  std::string remedy = {};
};

[[noreturn]] void fail(std::string what);
[[noreturn]] void fail_unsupported(std::string what);

// Bounds for one rendering. The defaults leave a factor of a hundred over any published template
// on a conversation of a thousand turns. What is made costs a step for every 32 bytes or less, so
// the steps bound memory too: all strings and lists together stay within about 1 GB.
struct Limits {
  uint64_t max_steps = 30'000'000;  // evaluated nodes, plus work in proportion to data touched
  size_t max_string = 16u << 20;    // bytes of any one string, the output included
  size_t max_items = 4u << 20;      // items of any one list
  int max_depth = 1200;             // nested evaluations
  std::chrono::milliseconds max_time{10'000};  // by the clock, as steps differ in cost
};

// Containers nest at most this deep, so that walking and freeing them needs a bounded stack.
constexpr int kMaxValueDepth = 400;

class Scope;
class Namespace;

class Runtime {
 public:
  // The time begins to run. `cancel` may be null.
  Runtime(const Limits& limits, std::optional<std::time_t> now, const CancelToken* cancel)
      : limits_(limits),
        now_(now),
        cancel_(cancel),
        deadline_(std::chrono::steady_clock::now() + limits.max_time) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Accounts for `units` of work, before it is done; fails when the budget or the time is used up,
  // and when the rendering is cancelled.
  void spend(uint64_t units = 1) {
    if (units > limits_.max_steps - steps_) out_of_steps();
    steps_ += units;
    if (steps_ >= next_look_) look_up();
  }
  // Going through so many bytes: comparing, hashing, searching, copying.
  void spend_scan(size_t bytes) { spend(1 + bytes / 32); }
  // Going through so many bytes character by character, decoded on the way.
  void spend_decode(size_t bytes) { spend(1 + bytes / 8); }
  // Making a string of so many bytes.
  void spend_bytes(size_t bytes) {
    if (bytes > limits_.max_string) string_too_long(bytes);
    spend_scan(bytes);
  }
  // Making a string longer, by so many bytes.
  void spend_append(size_t size, size_t bytes) {
    if (bytes > limits_.max_string - std::min(size, limits_.max_string)) {
      string_too_long(size + bytes);
    }
    spend_scan(bytes);
  }
  // Making a list of items that are there already.
  void spend_items(size_t items) {
    if (items > limits_.max_items) list_too_long(items);
    spend(items);
  }
  // Making a list of items that are made for it, each with memory of its own.
  void spend_new_items(size_t items) {
    if (items > limits_.max_items) list_too_long(items);
    spend(4 * uint64_t{items});
  }
  const Limits& limits() const { return limits_; }
  uint64_t steps() const { return steps_; }
  std::optional<std::time_t> now() const { return now_; }

  // Namespaces and scopes that macros captured may point at each other in circles. They are listed
  // here and emptied when the rendering ends.
  void adopt(std::shared_ptr<Namespace> object) { namespaces_.push_back(std::move(object)); }
  void adopt(std::shared_ptr<Scope> scope) { scopes_.push_back(std::move(scope)); }

  int line = 0;
  int depth = 0;

 private:
  // Some milliseconds of work; the clock is asked and the token looked at so often.
  static constexpr uint64_t kStepsBetweenLooks = 16'384;

  void look_up();
  [[noreturn]] void out_of_steps() const;
  [[noreturn]] void string_too_long(size_t bytes) const;
  [[noreturn]] void list_too_long(size_t items) const;

  Limits limits_;
  std::optional<std::time_t> now_;
  const CancelToken* cancel_;
  std::chrono::steady_clock::time_point deadline_;
  uint64_t steps_ = 0;
  uint64_t next_look_ = 0;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<std::shared_ptr<Scope>> scopes_;
};

// Counts one level of nesting for as long as it lives.
class DepthGuard {
 public:
  explicit DepthGuard(Runtime& runtime) : runtime_(runtime) {
    if (++runtime_.depth > runtime_.limits().max_depth) {
      --runtime_.depth;
      fail("nested too deeply (a macro that calls itself without end?)");
    }
  }
  ~DepthGuard() { --runtime_.depth; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  Runtime& runtime_;
};

}  // namespace lapidary::jinja
