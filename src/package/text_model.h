// The parts of a checkpoint's config that a runtime needs, as the manifest records them.
//
//   manifest.text = text_model(config);
//   manifest.vision = vision_model(config);
#pragma once

#include <optional>

#include "checkpoint/config.h"
#include "package/manifest.h"

namespace lapidary::package {

TextModel text_model(const checkpoint::Config& config);
// Absent when the checkpoint has no such tower. Marks that the vocabulary does not have are -1.
std::optional<VisionModel> vision_model(const checkpoint::Config& config);
std::optional<AudioModel> audio_model(const checkpoint::Config& config);

}  // namespace lapidary::package
