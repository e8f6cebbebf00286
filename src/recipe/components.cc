#include "recipe/components.h"

#include "gemma4/audio_encoder.h"
#include "gemma4/decoder.h"
#include "gemma4/embedding.h"
#include "gemma4/static_audio_encoder.h"
#include "gemma4/static_vision_encoder.h"
#include "gemma4/vision_encoder.h"

namespace lapidary::recipe {
namespace {

bool always(const checkpoint::Config& /*config*/) { return true; }
bool has_vision(const checkpoint::Config& config) { return config.vision.has_value(); }
bool has_audio(const checkpoint::Config& config) { return config.audio.has_value(); }

}  // namespace

const std::vector<ComponentBuilder>& component_builders() {
  static const std::vector<ComponentBuilder> builders = {
      {"vision_encoder", &has_vision, &gemma4::build_vision_encoder,
       &gemma4::build_static_vision_encoder},
      {"audio_encoder", &has_audio, &gemma4::build_audio_encoder,
       &gemma4::build_static_audio_encoder},
      {"embedding", &always, &gemma4::build_embedding, nullptr},
      {"decoder", &always, &gemma4::build_decoder, nullptr},
  };
  return builders;
}

}  // namespace lapidary::recipe
