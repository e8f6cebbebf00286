#include "encoders/fixed_audio_inputs.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "contract/ports.h"

namespace lapidary::encoders {
namespace {

namespace ports = contract::ports;

using media::LogMel;
using package::AudioModel;

size_t index(int64_t i) { return static_cast<size_t>(i); }

Status check(const LogMel& mel, const AudioModel& model) {
  if (!model.fixed_encoder) return internal_error("audio encoder", "its lengths are not fixed");
  const int64_t soft_tokens = media::audio_soft_tokens(mel.input_features_mask);
  const int64_t room = model.fixed_encoder->soft_tokens;
  if (soft_tokens <= room) return {};
  return bad_input(
      "clip",
      fmt::format("has {} soft tokens of 40 ms, but the package's audio encoder takes at most {}",
                  soft_tokens, room),
      "split it (--split-audio), or build the package with a larger "
      "audio_soft_tokens");
}

// Of frames that last `stride` frames of 10 ms each.
bool is_real(const LogMel& mel, int64_t frame, int64_t stride) {
  const int64_t first = frame * stride;
  return first < mel.frames && mel.input_features_mask[index(first)] != 0;
}

std::vector<float> features(const LogMel& mel, int64_t frames) {
  std::vector<float> out(index(frames * mel.bins), 0.0F);
  for (int64_t t = 0; t < std::min(frames, mel.frames); ++t) {
    if (!is_real(mel, t, 1)) continue;
    std::copy_n(mel.input_features.begin() + t * mel.bins, mel.bins, out.begin() + t * mel.bins);
  }
  return out;
}

std::vector<float> subsampled_mask(const LogMel& mel, int64_t frames) {
  std::vector<float> out;
  for (int64_t t = 0; t < frames; ++t) out.push_back(is_real(mel, t, 2) ? 1.0F : 0.0F);
  return out;
}

bool sees(const AudioModel& model, int64_t query, int64_t key) {
  const int64_t distance = query - key;  // > 0: the key is in the past
  return distance >= 0 ? distance < model.attention_past : -distance < model.attention_future;
}

std::vector<float> attention_mask(const LogMel& mel, const AudioModel& model, int64_t chunks) {
  const int64_t context =
      model.attention_past + model.attention_chunk_size + model.attention_future;
  std::vector<float> out;
  for (int64_t query = 0; query < chunks * model.attention_chunk_size; ++query) {
    const int64_t chunk = query / model.attention_chunk_size;
    for (int64_t place = 0; place < context; ++place) {
      const int64_t key = chunk * model.attention_chunk_size + place - model.attention_past;
      const bool visible = key >= 0 && sees(model, query, key) && is_real(mel, key, 4);
      out.push_back(visible ? 0.0F : static_cast<float>(model.fixed_encoder->masked));
    }
  }
  return out;
}

ort::HostTensor tensor(const char* name, std::vector<int64_t> shape,
                       const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {name, DType::kFloat, std::move(shape), {bytes.begin(), bytes.end()}};
}

}  // namespace

Result<std::vector<ort::HostTensor>> fixed_audio_inputs(const LogMel& mel,
                                                        const AudioModel& model) {
  LAP_RETURN_IF_ERROR(check(mel, model));
  const int64_t soft_tokens = model.fixed_encoder->soft_tokens;
  const int64_t chunk = model.attention_chunk_size;
  const int64_t chunks = (soft_tokens + chunk - 1) / chunk;
  const int64_t context = model.attention_past + chunk + model.attention_future;
  std::vector<ort::HostTensor> out;
  out.push_back(tensor(ports::kInputFeatures, {1, 4 * soft_tokens, mel.bins},
                       features(mel, 4 * soft_tokens)));
  out.push_back(
      tensor(ports::kSubsampledMask, {1, 2 * soft_tokens}, subsampled_mask(mel, 2 * soft_tokens)));
  out.push_back(
      tensor(ports::kAttentionMask, {chunks, chunk, context}, attention_mask(mel, model, chunks)));
  return out;
}

}  // namespace lapidary::encoders
