// The vision encoder for NPUs: one picture of at most `soft_tokens` soft tokens, fixed shapes, and
// operators that an HTP takes. With T = soft_tokens, k = pooling_kernel_size and P = T k^2 patches,
//
//   pixel_values        [1, P, 3 patch^2] float32, 2x - 1 of the front end's x, so in [-1, 1]
//   pixel_position_ids  [1, P, 2] int32: x and y; 0 where there is padding
//   attention_mask      [1, 1, 1, P] float32: 0 for a patch, `masked` for padding
//   -> image_features   [T, hidden] float32
//
// The k^2 patches of a soft token stand one after the other, soft tokens row by row, padding last
// (encoders/fixed_vision_inputs.h): attention does not care about the order, and pooling becomes a
// mean over neighbours. Rows of the output beyond the picture's soft tokens mean nothing.
//
// The host centres pixels since it touches each of them anyway, an encoding of [-1, 1] then loses
// nothing, and Qualcomm's compiler does not tile that product of a whole input of 2520 patches.
#pragma once

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "gemma4/fixed_encoder_form.h"
#include "graph/graph.h"

namespace lapidary::gemma4 {

// Requires config.vision. Errors: those of vision_weights.
Result<graph::Graph> build_fixed_vision_encoder(const checkpoint::Config& config,
                                                const checkpoint::Weights& weights,
                                                const FixedEncoderForm& form);

}  // namespace lapidary::gemma4
