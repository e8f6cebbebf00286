// Weights as GGUF's blocks, byte for byte what tools/checkpoint_forms makes of them: the gguf
// package's own rounding where it has one, k_blocks.py for the K types.
#pragma once

#include <span>
#include <string>

#include "gguf/block_formats.h"

namespace lapidary::golden {

// Of a plain type, or a packed one of which `values` are whole blocks.
std::string ggml_blocks(gguf::GgmlType type, std::span<const float> values);

}  // namespace lapidary::golden
