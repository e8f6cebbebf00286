// What the static forms of the two encoders have in common.
#pragma once

#include <cstdint>

namespace lapidary::gemma4 {

struct FixedEncoderForm {
  int64_t soft_tokens = 0;
  double masked = -100;  // what a mask adds where a key must not be seen
};

}  // namespace lapidary::gemma4
