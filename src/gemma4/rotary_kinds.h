// The rotary position embeddings of the text model: one for each kind of layer that it has.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/text_config.h"

namespace lapidary::gemma4 {

struct RotaryKind {
  bool full_attention = false;
  std::string name;                // "full_attention", "sliding_attention": as in layer_types
  std::vector<float> frequencies;  // nn::rope_frequencies, head_dim / 2 numbers
};

// Sliding before full; a kind without layers is left out.
std::vector<RotaryKind> rotary_kinds(const checkpoint::TextConfig& text);

}  // namespace lapidary::gemma4
