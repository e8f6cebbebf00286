// A text checkpoint of real dims whose weights are all zero: what passes make of a model's shapes.
#pragma once

#include <filesystem>

#include "checkpoint/checkpoint.h"

namespace lapidary::golden {

// The text decoder of `config`. The file written under `folder` is sparse: it takes next to no
// disk.
checkpoint::Weights zero_weights(const checkpoint::TextConfig& config,
                                 const std::filesystem::path& folder);

}  // namespace lapidary::golden
