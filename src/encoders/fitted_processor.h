// What front ends must do so that a package's encoders take what they make.
#pragma once

#include "base/result.h"
#include "checkpoint/processor_config.h"
#include "package/manifest.h"

namespace lapidary::encoders {

// `processor` for the encoders of `manifest`. An encoder of any length changes nothing. For one of
// fixed length,
// - images and video frames are resized to the largest of the reference's budgets
//   (checkpoint::kSoftTokenBudgets) that it takes, where their own is larger, as the reference does
//   for that max_soft_tokens; smaller ones, video frames mostly, stay and are padded;
// - audio_seq_length is at most its length: longer sound is refused or split.
// Error: kUnsupported for a vision encoder shorter than the smallest budget.
Result<checkpoint::ProcessorConfig> fitted_processor(checkpoint::ProcessorConfig processor,
                                                     const package::Manifest& manifest);

}  // namespace lapidary::encoders
