// The audio front end: samples to the audio encoder's inputs.
//
//   LAP_ASSIGN_OR_RETURN(LogMel mel, LogMelExtractor(processor.audio).extract(audio.samples));
//
// Framing (half a frame of zeros in front, one sample more than a frame and the last dropped),
// periodic Hann window, optional pre-emphasis, magnitudes of the FFT, HTK mel filters, ln(mel +
// mel_floor), optional normalization per bin. The samples are padded to a multiple of 128; a frame
// is valid only if its last sample is real, and invalid frames are zero. Source:
// Gemma4AudioFeatureExtractor of transformers 5.23 (feature_extraction_gemma4.py).
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

  // `samples` at config.sampling_rate. A clip too short for one frame has no frames.
  // Errors: kBadInput for dither, which is random, and for memory that cannot be had.
  Result<LogMel> extract(std::span<const float> samples) const;

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

// Soft tokens that the audio encoder makes of a clip: the mask after two halvings.
int64_t audio_soft_tokens(std::span<const uint8_t> input_features_mask);
// Samples that make at most `audio_seq_length` soft tokens: what a clip may be long.
int64_t max_audio_samples(const checkpoint::ProcessorConfig& config);

}  // namespace lapidary::media
