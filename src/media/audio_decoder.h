// Sound files to samples: WAV (with RIFX, WAVEX, RF64), AIFF, AU, CAF, FLAC, OGG (Vorbis, Opus) and
// MP3. The content tells the format, not the name. Integers are scaled to [-1, 1), floats kept as
// they are; several channels become their mean.
//
//   LAP_ASSIGN_OR_RETURN(Audio audio, load_audio("speech.wav", {.max_seconds = 30}));
//
// Errors naming `where`, kUnsupported: a kind of file or codec that is known but not read (M4A,
// AMR, WMA, GSM ...). kIo: the file cannot be read. kBadInput: no sound file at all, a damaged one,
// no samples, samples that are not finite, over 64 channels, a rate outside of 1000 to 384000 Hz,
// or a clip longer than `max_seconds`, of which no more than that is ever held in memory. A file
// that ends before the sound that it announces is truncated and refused, where the reference would
// take what is there; one whose header announces nothing, or leaves the length open, is read to its
// end (see audio_layout.h). Sound need not begin at the first byte (see audio_format.h). Not to be
// told are OGG cut between two pages, the last two frames of MP3, and MP3 without a Xing header,
// which is decoded to its end (the reference stops where it guesses the end to be). kCancelled.
// Source: load_audio of transformers 5.23 (audio_utils.py: soundfile, mean, soxr_hq).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/progress.h"
#include "base/result.h"
#include "media/audio.h"

namespace lapidary::media {

struct AudioLimits {
  double max_seconds = 3600;
  // After mixing to one channel: 256 MB, 25 minutes at 44.1 kHz. Bounds what a small file of a high
  // rate can unpack to.
  int64_t max_samples = int64_t{1} << 26;
  std::string too_long_remedy = "cut it into shorter clips";
  int64_t max_file_bytes = int64_t{1} << 30;
  const CancelToken* cancel = nullptr;  // looked at between blocks of some thousand samples
};

Result<Audio> decode_audio(std::span<const std::byte> file, const std::string& where,
                           const AudioLimits& limits = {});
Result<Audio> load_audio(const std::filesystem::path& path, const AudioLimits& limits = {});

// The same sound at another rate (soxr, high quality), ceil(samples x ratio) long. The same samples
// when the rate is the same.
// Error: kInternal when the resampler fails.
Result<Audio> resample(Audio audio, int64_t sampling_rate);

}  // namespace lapidary::media
