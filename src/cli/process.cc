#include "cli/process.h"

#include <cxxabi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <typeinfo>

#include "base/guarded_mapping.h"
#include "cli/terminal.h"

namespace lapidary::cli {
namespace {

// The destructor of a document with the most values that kMostJsonBytes allows takes 24 MiB.
constexpr size_t kReserveBytes = 32U << 20;

std::atomic<void*> memory_reserve{nullptr};
std::terminate_handler former_terminate = nullptr;

// Called by operator new when there is nothing left.
void give_reserve_free() {
  void* const held = memory_reserve.exchange(nullptr);
  if (held != nullptr) ::munmap(held, kReserveBytes);
  throw std::bad_alloc();
}

// An exception left a function that is noexcept, a thread, or main.
[[noreturn]] void on_terminate() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type != nullptr && *type == typeid(std::bad_alloc)) {
    constexpr std::string_view kLine =
        "lapidary: error: there is not enough memory (close other programs, or raise the limit: "
        "see "
        "`ulimit -v`)\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kLine.data(), kLine.size());
    ::_exit(kExitUsage);
  }
  if (former_terminate != nullptr) former_terminate();
  std::abort();
}

}  // namespace

void prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  guard_mappings();
  void* const held =
      ::mmap(nullptr, kReserveBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (held != MAP_FAILED) memory_reserve = held;
  std::set_new_handler(give_reserve_free);
  former_terminate = std::set_terminate(on_terminate);
}

}  // namespace lapidary::cli
