// A picture's patches as the inputs of a vision encoder of fixed length
// (gemma4/fixed_vision_encoder.h).
//
//   LAP_ASSIGN_OR_RETURN(auto inputs, fixed_vision_inputs(patches, *manifest.vision));
//
// With T = fixed_encoder.soft_tokens, k = pooling_kernel_size and P = T k^2:
//
//   pixel_values        [1, P, 3 patch^2] float32   2x - 1 of the patches' x; 0 in padding
//   pixel_position_ids  [1, P, 2] int32             x and y; 0 where there is padding
//   attention_mask      [1, 1, 1, P] float32        0 for a patch, `masked` for padding
//
// The k^2 patches of a soft token stand one after the other, soft tokens row by row, as the
// reference orders them; padding comes last.
#pragma once

#include <vector>

#include "base/result.h"
#include "media/image_patches.h"
#include "ort/session.h"
#include "package/manifest.h"

namespace lapidary::encoders {

// Patches may come in any order. Errors: kBadInput for a picture of more soft tokens than the
// encoder takes; kInternal for patches that do not fill a grid of whole cells, and for a model
// without fixed_encoder.
Result<std::vector<ort::HostTensor>> fixed_vision_inputs(const media::ImagePatches& patches,
                                                         const package::VisionModel& model);

}  // namespace lapidary::encoders
