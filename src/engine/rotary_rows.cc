#include "engine/rotary_rows.h"

#include <cmath>

namespace lapidary::engine {

void write_rotary_rows(const package::RotaryKind& kind, std::span<const int64_t> positions,
                       std::span<float> cos, std::span<float> sin) {
  size_t at = 0;
  for (const int64_t position : positions) {
    for (const float frequency : kind.inv_freq) {
      const float angle = static_cast<float>(position) * frequency;
      cos[at] = std::cos(angle);
      sin[at] = std::sin(angle);
      ++at;
    }
  }
}

}  // namespace lapidary::engine
