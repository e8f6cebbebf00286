#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace lapidary {

size_t default_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    return static_cast<size_t>(std::max(1, CPU_COUNT(&set)));
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

namespace {

Status call(const std::function<Status(size_t)>& body, size_t i) {
  try {
    return body(i);
  } catch (const std::bad_alloc&) {
    return internal_error("memory", "out of memory", "close other programs, or use fewer threads");
  } catch (const std::exception& e) {
    return internal_error("", e.what());
  }
}

}  // namespace

Status parallel_for(size_t count, const std::function<Status(size_t)>& body, size_t threads) {
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::optional<Error> first;
  const auto work = [&] {
    while (!failed.load(std::memory_order_relaxed)) {
      const size_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= count) return;
      if (Status status = call(body, i); !status.ok()) {
        const std::lock_guard lock(mutex);
        if (!first) first = status.take_error();
        failed.store(true, std::memory_order_relaxed);
      }
    }
  };
  const size_t wanted = std::min(threads == 0 ? default_threads() : threads, count);
  std::vector<std::jthread> helpers;
  try {
    for (size_t i = 1; i < wanted; ++i) helpers.emplace_back(work);
  } catch (const std::system_error&) {
    // Fewer threads, the same work.
  }
  work();
  helpers.clear();
  if (first) return *first;
  return {};
}

}  // namespace lapidary
