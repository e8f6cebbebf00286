// resample() of audio_decoder.h.
#include <fmt/core.h>
#include <soxr.h>

#include <new>
#include <string>
#include <utility>

#include "media/audio_decoder.h"

namespace lapidary::media {

Result<Audio> resample(Audio audio, int64_t sampling_rate) {
  if (audio.sampling_rate == sampling_rate) return audio;
  const std::string where =
      fmt::format("resampling from {} to {} Hz", audio.sampling_rate, sampling_rate);
  if (audio.sampling_rate <= 0 || sampling_rate <= 0) {
    return internal_error(where, "a sampling rate must be positive");
  }
  Audio out{.sampling_rate = sampling_rate, .samples = {}};
  if (audio.samples.empty()) return out;
  // Exactly ceil(samples x ratio), as librosa has it; what the filter does not reach stays zero.
  const size_t count = audio.samples.size();
  const auto from = static_cast<size_t>(audio.sampling_rate);
  const auto to = static_cast<size_t>(sampling_rate);
  try {
    out.samples.resize((count * to + from - 1) / from);
  } catch (const std::bad_alloc&) {
    return internal_error(where, "needs more memory than there is", "cut the clip");
  }
  const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
  size_t consumed = 0, produced = 0;
  const soxr_error_t error = soxr_oneshot(
      static_cast<double>(from), static_cast<double>(to), 1, audio.samples.data(), count, &consumed,
      out.samples.data(), out.samples.size(), &produced, &io, &quality, &runtime);
  if (error) return internal_error(where, error);
  return out;
}

}  // namespace lapidary::media
