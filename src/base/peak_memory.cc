#include "base/peak_memory.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace lapidary {

uint64_t peak_resident_bytes() {
  // getrusage() of a process begins with what its parent held when it was started.
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    uint64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  struct rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace lapidary
