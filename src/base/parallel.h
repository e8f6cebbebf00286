// Runs independent pieces of work on all cores.
#pragma once

#include <cstddef>
#include <functional>

#include "base/result.h"

namespace lapidary {

// Threads used when `threads` is 0: the processors this process may run on.
size_t default_threads();

// Calls body(i) for every i in [0, count), in no particular order, on up to `threads` threads (the
// caller's among them). After the first error no further piece starts; that error is returned. An
// exception of `body` is an error too (kIo: out of memory; kInternal: any other); where the system grants fewer
// threads, those it grants do the work. `body` must be safe to call from several threads at once.
Status parallel_for(size_t count, const std::function<Status(size_t)>& body, size_t threads = 0);

}  // namespace lapidary
