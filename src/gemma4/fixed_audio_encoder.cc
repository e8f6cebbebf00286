#include "gemma4/fixed_audio_encoder.h"

#include <fmt/core.h>

#include <utility>

#include "contract/component.h"
#include "contract/ports.h"
#include "gemma4/audio_tower.h"
#include "gemma4/audio_weights.h"
#include "graph/builder.h"

namespace lapidary::gemma4 {
namespace {

namespace ports = contract::ports;

using checkpoint::AudioConfig;
using graph::Builder;
using graph::Ref;

// A mask that is added stands for a key that weighs nothing. The reference replaces the logit, and
// with these configs such a key weighs something.
Status check_masks(const AudioConfig& audio) {
  constexpr double kWeighsNothing = 20;
  constexpr const char* kWhere = "config.json: audio_config";
  constexpr const char* kRemedy = "build an encoder of any length: leave out audio_soft_tokens";
  if (audio.attention_context_left < 2) {
    return unsupported(kWhere,
                       "attention_context_left is under 2: frames without a key to see have no "
                       "form of fixed length",
                       kRemedy);
  }
  if (audio.attention_invalid_logits_value > -audio.attention_logit_cap - kWeighsNothing) {
    return unsupported(kWhere,
                       "attention_invalid_logits_value lies within the reach of logits, so that "
                       "masked keys weigh something: there is no form of fixed length",
                       kRemedy);
  }
  return {};
}

Status check_form(const FixedEncoderForm& form) {
  if (form.soft_tokens > 0) return {};
  return bad_input("audio_soft_tokens", fmt::format("is {}", form.soft_tokens), "give at least 1");
}

}  // namespace

Result<graph::Graph> build_fixed_audio_encoder(const checkpoint::Config& config,
                                               const checkpoint::Weights& weights,
                                               const FixedEncoderForm& form) {
  const AudioConfig& audio = *config.audio;
  LAP_RETURN_IF_ERROR(check_form(form));
  LAP_RETURN_IF_ERROR(check_context(audio));
  LAP_RETURN_IF_ERROR(check_masks(audio));
  LAP_ASSIGN_OR_RETURN(const AudioWeights w, audio_weights(audio, weights));
  Builder b(name_of(contract::Component::kAudioEncoder));
  AudioTower tower(b, audio, w);
  const nn::ChunkedAttentionShape attention = tower.attention();
  const int64_t one = 1;
  const int64_t time = form.soft_tokens;
  const int64_t blocks = (time + attention.chunk - 1) / attention.chunk;
  const Ref features =
      b.input(ports::kInputFeatures, DType::kFloat, {one, time * 4, tower.mel_bins()});
  const Ref halved = b.input(ports::kSubsampledMask, DType::kFloat, {one, time * 2});
  const Ref mask =
      b.input(ports::kAttentionMask, DType::kFloat, {blocks, attention.chunk, attention.context()});
  Ref x;
  {
    const auto scope = b.enter(kAudioTower);
    {
      const auto subsampling = b.enter("subsample_conv_projection");
      x = tower.subsample(features, {}, halved);
    }
    x = tower.conformer(x, nn::FixedChunks(b, mask, time, attention));
    x = tower.output_projection(x);
  }
  const int64_t text_hidden = config.text.hidden_size;
  const Ref rows = b.op("Reshape", {tower.embed(x), b.constant({time, text_hidden})}, kEmbedAudio);
  b.output(ports::kAudioFeatures, rows, DType::kFloat, {time, text_hidden});
  return std::move(b).finish();
}

}  // namespace lapidary::gemma4
