#include "base/guarded_mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace lapidary {
namespace {

constexpr size_t kSlots = 1024;

// Written by the threads that map and unmap, read by the signal handler: lock-free atomics only.
struct MappingSlot {
  std::atomic<bool> taken{false};
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};  // 0: nothing is guarded
  std::atomic<bool> lost{false};
};
static_assert(std::atomic<uintptr_t>::is_always_lock_free);
static_assert(std::atomic<bool>::is_always_lock_free);

std::array<MappingSlot, kSlots> mapping_slots;
uintptr_t page_bytes = 0;
struct sigaction former_action = {};

// Zeros from the page of `address` to the end of its mapping. mmap is a plain system call and may
// be made in a handler, whatever POSIX lists.
bool replace_pages(uintptr_t address) {
  for (MappingSlot& slot : mapping_slots) {
    const uintptr_t end = slot.end.load(std::memory_order_acquire);
    if (address >= end || address < slot.begin.load(std::memory_order_acquire)) continue;
    const uintptr_t page = address / page_bytes * page_bytes;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the address of the fault
    void* const from = reinterpret_cast<void*>(page);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    slot.lost.store(true, std::memory_order_release);
    return ::mmap(from, end - page, PROT_READ, flags, -1, 0) != MAP_FAILED;
  }
  return false;
}

extern "C" void on_bus_error(int signal, siginfo_t* info, void* /*context*/) {
  const int saved = errno;
  const bool from_kernel = info->si_code > 0;
  if (!from_kernel || !replace_pages(reinterpret_cast<uintptr_t>(info->si_addr))) {
    // The same again, to whom it went before.
    ::sigaction(signal, &former_action, nullptr);
    if (!from_kernel) ::raise(signal);
  }
  errno = saved;
}

}  // namespace

void guard_mappings() {
  page_bytes = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction current = {};
  if (::sigaction(SIGBUS, nullptr, &current) != 0) return;
  const bool is_ours = (current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == on_bus_error;
  if (is_ours) return;
  former_action = current;
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

GuardedMapping::GuardedMapping(const void* data, size_t size) : slot_(0) {
  while (slot_ < kSlots && mapping_slots[slot_].taken.exchange(true)) ++slot_;
  if (slot_ == kSlots) return;
  MappingSlot& slot = mapping_slots[slot_];
  const auto begin = reinterpret_cast<uintptr_t>(data);
  slot.lost.store(false, std::memory_order_relaxed);
  slot.begin.store(begin, std::memory_order_release);
  slot.end.store(begin + size, std::memory_order_release);
}

GuardedMapping::~GuardedMapping() {
  if (slot_ == kSlots) return;
  mapping_slots[slot_].end.store(0, std::memory_order_release);
  mapping_slots[slot_].taken.store(false, std::memory_order_release);
}

bool GuardedMapping::lost() const {
  return slot_ < kSlots && mapping_slots[slot_].lost.load(std::memory_order_acquire);
}

}  // namespace lapidary
