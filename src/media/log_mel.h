// The audio front end: samples to the audio encoder's inputs.
//
//   LAP_ASSIGN_OR_RETURN(LogMel mel, LogMelExtractor(processor.audio).extract(audio.samples));
//
// Framing (half a frame of zeros in front, one sample more than a frame and the last dropped),
// periodic Hann window, optional pre-emphasis, magnitudes of the FFT, HTK mel filters, ln(mel +
// mel_floor), optional normalization per bin. The FFT is in double and only its result rounded to
// float, as numpy does it: in single precision clips of the goldens were up to 0.018 off. The
// samples are padded to a multiple of 128; a frame is valid only if its last sample is real, and
// invalid frames are zero. Source: Gemma4AudioFeatureExtractor of transformers 5.23
// (feature_extraction_gemma4.py).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "checkpoint/processor_config.h"

namespace lapidary::media {

struct LogMel {
  int64_t frames = 0;
  int64_t bins = 0;
  std::vector<float> input_features;         // [frames, bins]
  std::vector<uint8_t> input_features_mask;  // [frames]: 1 valid, 0 padding
};

class LogMelExtractor {
 public:
  explicit LogMelExtractor(const checkpoint::AudioFeatureConfig& config);
  ~LogMelExtractor();
  LogMelExtractor(LogMelExtractor&&) noexcept;
  LogMelExtractor& operator=(LogMelExtractor&&) noexcept;

  // `samples` at config.sampling_rate, all of them: the reference drops what is beyond 480000
  // (max_audio_samples). A clip too short for one frame has no frames, one just long enough only
  // frames that are not valid. padding_value never shows: a frame that it reaches is not valid.
  // Errors: kBadInput for dither, which is random, for a configuration that gives no front end
  // (frames of under 2 or over 2^20 samples, an empty range of frequencies), for samples so large
  // that their log-mel is not finite, and for memory that cannot be had.
  Result<LogMel> extract(std::span<const float> samples) const;

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

// Soft tokens that the audio encoder makes of a clip: the mask after two halvings.
int64_t audio_soft_tokens(std::span<const uint8_t> input_features_mask);
// How long a clip may be: the most samples that make at most `audio_seq_length` soft tokens, but
// no more than 480000 (30 s at 16 kHz), where the reference's feature extractor cuts, at any rate.
int64_t max_audio_samples(const checkpoint::ProcessorConfig& config);

}  // namespace lapidary::media
