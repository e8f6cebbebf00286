// The part of a checkpoint's config that a runtime needs, as the manifest records it.
#pragma once

#include "checkpoint/config.h"
#include "package/manifest.h"

namespace lapidary::package {

TextModel text_model(const checkpoint::Config& config);

}  // namespace lapidary::package
