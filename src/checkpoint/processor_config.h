// What turns images, video frames and sound into the encoders' inputs: processor_config.json (one
// section each) or, in older checkpoints, preprocessor_config.json (image and sound keys side by
// side) and video_preprocessor_config.json. The first wins where it has a section, as in
// transformers 5.24, whose defaults these are.
//
//   LAP_ASSIGN_OR_RETURN(ProcessorConfig processor, ProcessorConfig::load(dir));
//   int64_t budget = processor.image.max_soft_tokens;
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace lapidary::checkpoint {

// What max_soft_tokens may be. Source: _SUPPORTED_SOFT_TOKENS of transformers.
inline constexpr std::array<int64_t, 5> kSoftTokenBudgets = {70, 140, 280, 560, 1120};

// Images and video frames: resized, keeping the aspect ratio, so that at most max_soft_tokens *
// pooling_kernel_size^2 patches cover them.
struct ImageProcessorConfig {
  bool do_convert_rgb = true;
  bool do_resize = true;
  int64_t resample = 3;  // PIL's numbers; 3 is bicubic
  bool do_rescale = true;
  double rescale_factor = 1.0 / 255.0;
  bool do_normalize = false;
  std::array<double, 3> image_mean = {0.0, 0.0, 0.0};
  std::array<double, 3> image_std = {1.0, 1.0, 1.0};
  int64_t patch_size = 16;
  int64_t max_soft_tokens = 280;  // one of kSoftTokenBudgets
  int64_t pooling_kernel_size = 3;

  bool operator==(const ImageProcessorConfig&) const = default;
};

struct VideoProcessorConfig {
  ImageProcessorConfig frames = {.do_normalize = true, .max_soft_tokens = 70};
  bool do_sample_frames = true;
  int64_t num_frames = 32;
  bool return_metadata = false;

  bool operator==(const VideoProcessorConfig&) const = default;
};

struct AudioFeatureConfig {
  int64_t feature_size = 128;  // mel bins
  int64_t sampling_rate = 16000;
  double padding_value = 0.0;
  bool return_attention_mask = true;
  double frame_length_ms = 20.0;
  double hop_length_ms = 10.0;
  double min_frequency = 0.0;
  double max_frequency = 8000.0;
  double preemphasis = 0.0;
  bool preemphasis_htk_flavor = true;
  bool fft_overdrive = false;  // doubles the FFT
  double dither = 0.0;
  double input_scale_factor = 1.0;
  double mel_floor = 1e-3;
  std::vector<double> per_bin_mean;    // empty or feature_size values
  std::vector<double> per_bin_stddev;  // empty or feature_size values

  // Samples; halves round to even, as Python's round does.
  int64_t frame_length() const;
  int64_t hop_length() const;
  int64_t fft_length() const;  // the next power of two, doubled by fft_overdrive
  bool operator==(const AudioFeatureConfig&) const = default;
};

struct ProcessorConfig {
  int64_t image_seq_length = 280;  // the upper bound of soft tokens for an image ...
  int64_t audio_seq_length = 750;  // ... and for a sound
  int64_t audio_ms_per_token = 40;
  ImageProcessorConfig image;
  VideoProcessorConfig video;
  AudioFeatureConfig audio;

  // Whether a file speaks of them; the defaults hold otherwise.
  bool has_image = false, has_video = false, has_audio = false;
  // Keys that were passed over, a sentence for each file (Checkpoint::notes).
  std::vector<std::string> notes;

  // Defaults for what no file has. Keys that the reference does not read are passed over. Errors: a
  // damaged file; another processor class; values that no preprocessing here can follow.
  static Result<ProcessorConfig> load(const std::filesystem::path& dir);
};

}  // namespace lapidary::checkpoint
