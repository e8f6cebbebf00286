// Sound files to samples: WAV, FLAC, OGG (Vorbis, Opus), MP3, whatever libsndfile reads. The
// content tells the format, not the name. Several channels become their mean.
//
//   LAP_ASSIGN_OR_RETURN(Audio audio, load_audio("speech.wav", {.max_seconds = 30}));
//
// Errors, kBadInput (kIo when the file cannot be read) naming `where`: an unknown format, a
// truncated or damaged file, no samples, samples that are not finite, an absurd rate, or a clip
// longer than `max_seconds`, of which no more than that is ever held in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"
#include "media/audio.h"

namespace lapidary::media {

struct AudioLimits {
  double max_seconds = 3600;
  int64_t max_file_bytes = int64_t{1} << 30;
};

Result<Audio> decode_audio(std::span<const std::byte> file, const std::string& where,
                           const AudioLimits& limits = {});
Result<Audio> load_audio(const std::filesystem::path& path, const AudioLimits& limits = {});

// The same sound at another rate (soxr, high quality). The same samples when the rate is the same.
// Error: kInternal when the resampler fails.
Result<Audio> resample(Audio audio, int64_t sampling_rate);

}  // namespace lapidary::media
