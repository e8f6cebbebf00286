// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "encoders/encoder_graph.h"
#include "encoders/fixed_audio_inputs.h"
#include "encoders/fixed_vision_inputs.h"
#include "encoders/media_cache.h"
#include "encoders/media_encoder.h"
#include "example.h"
#include "runtime/model.h"

namespace lapidary::encoders {

MediaBlocks media_cache_example(const std::string& key, const MediaBlocks& blocks) {
  // [encoders/media_cache.h]
  MediaCache cache(256 << 20);
  if (const MediaBlocks* found = cache.find(key)) return *found;
  cache.add(key, blocks);
  // [end]
  return blocks;
}

Status media_encoder_example(const runtime::Model& model, const Json& messages) {
  // [encoders/media_encoder.h]
  MediaEncoder encoder(model.media_model());   // of a runtime::Model
  LAP_ASSIGN_OR_RETURN(EncodedMedia image, encoder.encode({MediaKind::kImage, "a.png"}));
  LAP_ASSIGN_OR_RETURN(engine::Prompt prompt, model.chat_prompt(messages, std::span(&image, 1)));
  // [end]
  return {};
}

Status static_audio_inputs_example(const media::LogMel& mel, const package::Manifest& manifest) {
  // [encoders/fixed_audio_inputs.h]
  LAP_ASSIGN_OR_RETURN(auto inputs, fixed_audio_inputs(mel, *manifest.audio));
  // [end]
  return {};
}

Status static_vision_inputs_example(const media::ImagePatches& patches,
                                    const package::Manifest& manifest) {
  // [encoders/fixed_vision_inputs.h]
  LAP_ASSIGN_OR_RETURN(auto inputs, fixed_vision_inputs(patches, *manifest.vision));
  // [end]
  return {};
}

Status encoder_graph_example(const package::Package& package, const ort::SessionOptions& options,
                             const media::ImagePatches& patches) {
  // [encoders/encoder_graph.h]
  LAP_ASSIGN_OR_RETURN(EncoderGraph vision,
                       EncoderGraph::open(package, vision_ports(package.manifest, 16), options));
  LAP_ASSIGN_OR_RETURN(std::vector<float> features, vision.run(patches));
  // [end]
  return {};
}

}  // namespace lapidary::encoders
