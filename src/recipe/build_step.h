// MobiusBuilder in a recipe: the graphs that everything starts from.
//
//   "build": {
//     "type": "MobiusBuilder", "precision": "fp32",
//     "image_soft_tokens": "auto",    encoders of fixed length, for the HTP: as many soft tokens as
//     "audio_soft_tokens": 250        the checkpoint's processor allows, or a number; without the
//   }                                 key an encoder for any length
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "checkpoint/processor_config.h"

namespace lapidary::recipe {

struct BuildStep {
  // 0: as the checkpoint's processor says. None: for any length.
  std::optional<int64_t> image_soft_tokens, audio_soft_tokens;

  std::optional<int64_t> length_of(const std::string& component) const;
};

// Reads the options; errors are recorded in the reader's document.
BuildStep read_build_step(JsonReader& reader);

// The length of an encoder of a checkpoint; nothing for a component without a fixed one. Errors: a
// length that the processor's images or clips cannot have.
Result<std::optional<int64_t>> encoder_length(const BuildStep& step, const std::string& component,
                                              const checkpoint::ProcessorConfig& processor);

}  // namespace lapidary::recipe
