#include "gemma4/rotary_kinds.h"

#include "contract/ports.h"
#include "nn/rope.h"

namespace lapidary::gemma4 {

std::vector<RotaryKind> rotary_kinds(const checkpoint::TextConfig& text) {
  std::vector<RotaryKind> out;
  for (const bool full : {false, true}) {
    for (int64_t i = 0; i < text.num_layers(); ++i) {
      if (text.is_full(i) != full) continue;
      const checkpoint::RopeParameters& rope = text.rope(i);
      const int64_t head_dim = text.head_dim(i);
      out.push_back(
          {full, contract::ports::attention_kind(!full),
           nn::rope_frequencies(head_dim, rope.theta, rope.rotated_pairs(head_dim), rope.factor)});
      break;
    }
  }
  return out;
}

}  // namespace lapidary::gemma4
