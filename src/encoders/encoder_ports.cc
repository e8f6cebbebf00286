#include "encoders/encoder_ports.h"

#include "contract/ports.h"

namespace lapidary::encoders {
namespace {

namespace ports = contract::ports;
using contract::Component;
using engine::kAnyNumbers;

constexpr int64_t kAny = -1;

}  // namespace

EncoderPorts vision_ports(const package::Manifest& manifest, int64_t patch_size) {
  const package::VisionModel model = manifest.vision.value_or(package::VisionModel());
  const int64_t hidden = manifest.text.hidden_size;
  const int64_t patch_elements = 3 * patch_size * patch_size;
  if (!model.fixed_encoder) {
    return {Component::kVisionEncoder,
            {{ports::kPixelValues, "float32", {kAny, kAny, patch_elements}},
             {ports::kPixelPositionIds, "int64", {kAny, kAny, 2}}},
            {ports::kImageFeatures, "float32", {kAny, hidden}}};
  }
  const int64_t soft_tokens = model.fixed_encoder->soft_tokens;
  const int64_t patches = soft_tokens * model.pooling_kernel_size * model.pooling_kernel_size;
  return {Component::kVisionEncoder,
          {{ports::kPixelValues, kAnyNumbers, {1, patches, patch_elements}},
           {ports::kPixelPositionIds, "int32", {1, patches, 2}},
           {ports::kAttentionMask, kAnyNumbers, {1, 1, 1, patches}}},
          {ports::kImageFeatures, kAnyNumbers, {soft_tokens, hidden}}};
}

EncoderPorts audio_ports(const package::Manifest& manifest, int64_t mel_bins) {
  const package::AudioModel model = manifest.audio.value_or(package::AudioModel());
  const int64_t hidden = manifest.text.hidden_size;
  if (!model.fixed_encoder) {
    return {Component::kAudioEncoder,
            {{ports::kInputFeatures, "float32", {kAny, kAny, mel_bins}},
             {ports::kInputFeaturesMask, "bool", {kAny, kAny}}},
            {ports::kAudioFeatures, "float32", {kAny, hidden}}};
  }
  const int64_t soft_tokens = model.fixed_encoder->soft_tokens;
  const int64_t chunk = model.attention_chunk_size;
  const int64_t context = model.attention_past + chunk + model.attention_future;
  return {
      Component::kAudioEncoder,
      {{ports::kInputFeatures, kAnyNumbers, {1, 4 * soft_tokens, mel_bins}},
       {ports::kSubsampledMask, kAnyNumbers, {1, 2 * soft_tokens}},
       {ports::kAttentionMask, kAnyNumbers, {(soft_tokens + chunk - 1) / chunk, chunk, context}}},
      {ports::kAudioFeatures, kAnyNumbers, {soft_tokens, hidden}}};
}

}  // namespace lapidary::encoders
