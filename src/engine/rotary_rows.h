// Rotary tables for decoders of fixed lengths, which take them as inputs.
#pragma once

#include <cstdint>
#include <span>

#include "package/manifest.h"

namespace lapidary::engine {

// cos and sin of position * inv_freq: rows [positions.size(), inv_freq.size()] each, float32 of a
// float32 angle, as transformers computes them.
void write_rotary_rows(const package::RotaryKind& kind, std::span<const int64_t> positions,
                       std::span<float> cos, std::span<float> sin);

}  // namespace lapidary::engine
