// What adapters make of a model's weights.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/adapter.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"

namespace lapidary::checkpoint {

// Adds the updates to `weights`, which has canonical names, and puts replacements in place: lazily,
// in float32, adapter after adapter (tensor/low_rank.h). As in PEFT without merging, the update of
// a table that is tied to the head leaves the head as it was, and the reverse: both are used then,
// and `config` is tied no longer. Notes what was done, a sentence for each adapter.
//
// Passed over and noted: modules that the model has no use for (keys and values of layers that use
// another layer's, towers that config.json lacks). Errors, before anything is read, name the
// adapter's file and tensor: a module that the model does not have, a shape that is not its own,
// two adapters that replace one tensor.
Status apply_adapters(const std::vector<Adapter>& adapters, Config& config, Weights& weights,
                      std::vector<std::string>& notes);

}  // namespace lapidary::checkpoint
