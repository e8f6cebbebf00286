// libFuzzer target: any bytes as a sound file. The decoder must answer with finite samples within
// its limits or with an error, and what it accepts must pass through the front end.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>

#include "media/audio_decoder.h"
#include "media/log_mel.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using lapidary::media::LogMelExtractor;
  static const LogMelExtractor extractor{lapidary::checkpoint::AudioFeatureConfig{}};
  static const lapidary::media::AudioLimits kLimits = {.max_seconds = 2, .max_file_bytes = 1 << 20};
  auto audio = lapidary::media::decode_audio(std::as_bytes(std::span(data, size)), "fuzz", kLimits);
  if (!audio.ok()) return 0;
  if (audio->samples.empty() || audio->seconds() > kLimits.max_seconds) std::abort();
  for (const float sample : audio->samples) {
    if (!std::isfinite(sample)) std::abort();
  }
  const auto resampled = lapidary::media::resample(std::move(*audio), 16000);
  if (!resampled.ok()) std::abort();
  const auto mel = extractor.extract(resampled->samples);
  if (mel.ok() && mel->input_features_mask.size() != static_cast<size_t>(mel->frames)) std::abort();
  return 0;
}
