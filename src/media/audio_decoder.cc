#include "media/audio_decoder.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "base/mapped_file.h"
#include "media/audio_format.h"
#include "media/audio_layout.h"
#include "media/audio_reader.h"
#include "media/memory_file.h"

namespace lapidary::media {
namespace {

constexpr int64_t kMinRate = 1000, kMaxRate = 384000;
constexpr int64_t kMaxChannels = 64;
constexpr int64_t kBlockSamples = 1 << 16;  // decoded at a time, all channels together

std::string seconds_text(double seconds) { return fmt::format("{:.6g} s", seconds); }

Error too_long(const std::string& where, const std::string& length, const AudioLimits& limits) {
  return bad_input(
      where,
      fmt::format("lasts {}, longer than the {} allowed", length, seconds_text(limits.max_seconds)),
      limits.too_long_remedy);
}

Status check_info(const AudioStreamInfo& info, const std::string& where) {
  if (info.channels < 1 || info.channels > kMaxChannels) {
    return bad_input(where, fmt::format("has {} channels", info.channels),
                     fmt::format("1 to {} are read", kMaxChannels));
  }
  if (info.sampling_rate < kMinRate || info.sampling_rate > kMaxRate) {
    return bad_input(where, fmt::format("has a sampling rate of {} Hz", info.sampling_rate),
                     fmt::format("{} to {} Hz are read", kMinRate, kMaxRate));
  }
  return {};
}

// The mean of each frame's channels, appended.
Status append_mono(std::span<const float> block, int64_t channels, const std::string& where,
                   Audio& audio) {
  const auto step = static_cast<size_t>(channels);
  const auto divisor = static_cast<float>(channels);
  for (size_t frame = 0; frame * step < block.size(); ++frame) {
    float sum = 0;
    for (size_t c = 0; c < step; ++c) sum += block[frame * step + c];
    if (!std::isfinite(sum)) {
      const auto position = static_cast<double>(audio.samples.size());
      return bad_input(
          where,
          fmt::format("has a sample that is not finite at {} (sample {})",
                      seconds_text(position / static_cast<double>(audio.sampling_rate)),
                      audio.samples.size()),
          "samples must be numbers; export the clip again");
    }
    audio.samples.push_back(channels == 1 ? sum : sum / divisor);
  }
  return {};
}

Result<Audio> read_all(AudioReader& reader, const std::string& where, AudioLimits limits) {
  const AudioStreamInfo& info = reader.info();
  limits.max_seconds = std::min(limits.max_seconds, static_cast<double>(limits.max_samples) /
                                                        static_cast<double>(info.sampling_rate));
  const auto seconds = [&](int64_t frames) {
    return seconds_text(static_cast<double>(frames) / static_cast<double>(info.sampling_rate));
  };
  const double limit = std::floor(limits.max_seconds * static_cast<double>(info.sampling_rate));
  if (info.frames && static_cast<double>(*info.frames) > limit) {
    return too_long(where, seconds(*info.frames), limits);
  }
  Audio audio{.sampling_rate = info.sampling_rate, .samples = {}};
  const int64_t block_frames = std::max<int64_t>(1, kBlockSamples / info.channels);
  std::vector<float> block(static_cast<size_t>(block_frames * info.channels));
  int64_t decoded = 0;
  while (!info.frames || decoded < *info.frames) {
    if (limits.cancel != nullptr && limits.cancel->cancelled()) return cancelled();
    LAP_ASSIGN_OR_RETURN(int64_t n, reader.read(block));
    if (n == 0) break;
    if (info.frames) n = std::min(n, *info.frames - decoded);
    if (static_cast<double>(decoded + n) > limit) {
      return too_long(where, "more than " + seconds(decoded), limits);
    }
    const auto frames = std::span(block).first(static_cast<size_t>(n * info.channels));
    LAP_RETURN_IF_ERROR(append_mono(frames, info.channels, where, audio));
    decoded += n;
  }
  if (info.frames && decoded < *info.frames - info.slack) {
    return bad_input(where,
                     fmt::format("is truncated or damaged: {} samples announced, {} decoded",
                                 *info.frames, decoded),
                     "copy or record the file again");
  }
  if (decoded == 0) return bad_input(where, "has no samples", "record the clip again");
  return audio;
}

}  // namespace

Result<Audio> decode_audio(std::span<const std::byte> file, const std::string& where,
                           const AudioLimits& limits) {
  if (file.size() > static_cast<uint64_t>(std::max<int64_t>(limits.max_file_bytes, 0))) {
    return bad_input(
        where, fmt::format("has {} bytes, at most {} are read", file.size(), limits.max_file_bytes),
        limits.too_long_remedy);
  }
  LAP_ASSIGN_OR_RETURN(const AudioStream stream, find_audio(file, where));
  LAP_RETURN_IF_ERROR(check_pages(stream, where));
  try {
    LAP_ASSIGN_OR_RETURN(const SoundLayout layout, lay_out_sound(stream, where));
    const bool mpeg = stream.container == AudioContainer::kMpeg;
    LAP_ASSIGN_OR_RETURN(const auto reader, mpeg ? open_mpeg(stream.bytes, where)
                                                 : open_sndfile(MemoryFile(layout.pieces), where));
    LAP_RETURN_IF_ERROR(check_info(reader->info(), where));
    return read_all(*reader, where, limits);
  } catch (const std::bad_alloc&) {
    return bad_input(where, "needs more memory than there is", "cut it into shorter clips");
  }
}

Result<Audio> load_audio(const std::filesystem::path& path, const AudioLimits& limits) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  auto audio = decode_audio(file->bytes(), path.string(), limits);
  LAP_RETURN_IF_ERROR(file->intact());
  return audio;
}

}  // namespace lapidary::media
