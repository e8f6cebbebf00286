#include "gemma4/audio_encoder.h"

#include <string>
#include <utility>

#include "contract/component.h"
#include "contract/ports.h"
#include "gemma4/audio_tower.h"
#include "gemma4/audio_weights.h"
#include "graph/builder.h"
#include "nn/subsampling.h"

namespace lapidary::gemma4 {
namespace {

namespace ports = contract::ports;

using graph::Builder;
using graph::Ref;

// mask: [batch, time] bool.
Ref subsample(Builder& b, AudioTower& tower, const Ref& features, Ref& mask) {
  const auto scope = b.enter("subsample_conv_projection");
  const Ref halved = nn::every_second_frame(b, mask);
  Ref x = tower.subsample(features, nn::frames_to_keep(b, mask), nn::frames_to_keep(b, halved));
  mask = nn::every_second_frame(b, halved);
  return x;
}

// [batch, time, hidden] -> [num_audio_tokens, hidden]
Ref real_frames(Builder& b, const Ref& x, const Ref& mask, int64_t hidden) {
  const auto scope = b.enter("real_frames");
  const Ref rows = b.op("Reshape", {x, b.constant({-1, hidden})});
  const Ref real = b.op("Reshape", {mask, b.constant({-1})});
  return b.op("Compress", {rows, real}, "", {{"axis", int64_t{0}}});
}

}  // namespace

Result<graph::Graph> build_audio_encoder(const checkpoint::Config& config,
                                         const checkpoint::Weights& weights) {
  const checkpoint::AudioConfig& audio = *config.audio;
  LAP_RETURN_IF_ERROR(check_context(audio));
  LAP_ASSIGN_OR_RETURN(const AudioWeights w, audio_weights(audio, weights));
  Builder b(name_of(contract::Component::kAudioEncoder));
  AudioTower tower(b, audio, w);
  const Ref features =
      b.input(ports::kInputFeatures, DType::kFloat, {"batch", "time", tower.mel_bins()});
  Ref mask = b.input(ports::kInputFeaturesMask, DType::kBool, {"batch", "time"});
  Ref x;
  {
    const auto scope = b.enter(kAudioTower);
    x = subsample(b, tower, features, mask);
    x = tower.conformer(x, nn::DynamicChunks(b, mask, tower.attention()));
    x = tower.output_projection(real_frames(b, x, mask, audio.hidden_size));
  }
  const int64_t text_hidden = config.text.hidden_size;
  b.output(ports::kAudioFeatures, tower.embed(x), DType::kFloat, {"num_audio_tokens", text_hidden});
  return std::move(b).finish();
}

}  // namespace lapidary::gemma4
