#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
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

Error error_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    return io_error("memory", "out of memory", "close other programs, or use fewer threads");
  } catch (const std::exception& e) {
    return internal_error("", e.what());
  } catch (...) {
    return internal_error("", "an exception of unknown type");
  }
}

// What the threads of one call share. No exception may leave a thread, nor may memory be needed to
// keep one: it is kept as it is until all threads have ended.
struct Pieces {
  const std::function<Status(size_t)>& body;
  size_t count;
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex{};
  std::optional<Error> first{};
  std::exception_ptr thrown{};

  void work() noexcept {
    while (!failed.load(std::memory_order_relaxed)) {
      const size_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= count) return;
      try {
        if (Status status = body(i); !status.ok()) fail(status.take_error());
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first && !thrown) thrown = std::current_exception();
        failed.store(true, std::memory_order_relaxed);
      }
    }
  }
  void fail(Error error) {
    const std::lock_guard lock(mutex);
    if (!first && !thrown) first = std::move(error);
    failed.store(true, std::memory_order_relaxed);
  }
};

}  // namespace

Status parallel_for(size_t count, const std::function<Status(size_t)>& body, size_t threads) {
  Pieces pieces{body, count};
  const size_t wanted = std::min(threads == 0 ? default_threads() : threads, count);
  std::vector<std::jthread> helpers;
  try {
    for (size_t i = 1; i < wanted; ++i) helpers.emplace_back([&pieces] { pieces.work(); });
  } catch (const std::system_error&) {
    // Fewer threads, the same work.
  } catch (const std::bad_alloc&) {
    // The same.
  }
  pieces.work();
  helpers.clear();
  if (pieces.thrown) return error_of(pieces.thrown);
  if (pieces.first) return *std::move(pieces.first);
  return {};
}

}  // namespace lapidary
