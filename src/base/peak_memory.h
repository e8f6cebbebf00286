// How much memory this process has needed.
#pragma once

#include <cstdint>

namespace lapidary {

// Most memory this process ever held, in bytes; 0 when the system does not say.
uint64_t peak_resident_bytes();

}  // namespace lapidary
