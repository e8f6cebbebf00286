// How much of a weight is read at a time. Inside this room only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lapidary::weights {

// Rows or columns whose values are held at once, together no more than this: 512 KiB.
inline constexpr int64_t kScratchFloats = 128 << 10;
// Outputs at a time where their values lie in a column: a cache line of each, or more.
inline constexpr int64_t kStripe = 64;

// A dim as an index into memory.
inline size_t size(int64_t n) { return static_cast<size_t>(n); }

}  // namespace lapidary::weights
