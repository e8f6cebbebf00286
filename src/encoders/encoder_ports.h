// The ports of encoders: what a package's graph must have, of any length or of a fixed one.
#pragma once

#include <cstdint>
#include <vector>

#include "contract/component.h"
#include "engine/port_check.h"
#include "package/manifest.h"

namespace lapidary::encoders {

struct EncoderPorts {
  contract::Component component = contract::Component::kVisionEncoder;
  std::vector<engine::PortRule> inputs;
  engine::PortRule features;  // the only output, [soft tokens, hidden]
};

// Pictures: pixel_values, pixel_position_ids and, of a fixed length, attention_mask.
EncoderPorts vision_ports(const package::Manifest& manifest, int64_t patch_size);
// Sound: input_features with input_features_mask or, of a fixed length, subsampled_mask and
// attention_mask.
EncoderPorts audio_ports(const package::Manifest& manifest, int64_t mel_bins);

}  // namespace lapidary::encoders
