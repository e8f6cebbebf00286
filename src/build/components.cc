#include "build/components.h"

#include "gemma4/audio_encoder.h"
#include "gemma4/decoder.h"
#include "gemma4/embedding.h"
#include "gemma4/fixed_audio_encoder.h"
#include "gemma4/fixed_vision_encoder.h"
#include "gemma4/vision_encoder.h"

namespace lapidary::build {
namespace {

bool always(const checkpoint::Config& /*config*/) { return true; }
bool has_vision(const checkpoint::Config& config) { return config.vision.has_value(); }
bool has_audio(const checkpoint::Config& config) { return config.audio.has_value(); }

}  // namespace

const std::vector<ComponentBuilder>& component_builders() {
  static const std::vector<ComponentBuilder> builders = {
      {contract::Component::kVisionEncoder, &has_vision, &gemma4::build_vision_encoder,
       &gemma4::build_fixed_vision_encoder},
      {contract::Component::kAudioEncoder, &has_audio, &gemma4::build_audio_encoder,
       &gemma4::build_fixed_audio_encoder},
      {contract::Component::kEmbedding, &always, &gemma4::build_embedding, nullptr},
      {contract::Component::kDecoder, &always, &gemma4::build_decoder, nullptr},
  };
  return builders;
}

}  // namespace lapidary::build
