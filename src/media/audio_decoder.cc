#include "media/audio_decoder.h"

#include <sndfile.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <utility>

#include "base/mapped_file.h"
#include "media/audio_format.h"

namespace lapidary::media {
namespace {

constexpr int64_t kMinRate = 1000, kMaxRate = 384000;
constexpr int64_t kMaxChannels = 64;
constexpr int64_t kBlockSamples = 1 << 16;  // decoded at a time, all channels together

// The codecs that are let in. What else libsndfile knows is rare, and bytes from anywhere come
// here.
constexpr std::array kCodecs = {
    SF_FORMAT_PCM_S8, SF_FORMAT_PCM_16,       SF_FORMAT_PCM_24,        SF_FORMAT_PCM_32,
    SF_FORMAT_PCM_U8, SF_FORMAT_FLOAT,        SF_FORMAT_DOUBLE,        SF_FORMAT_ULAW,
    SF_FORMAT_ALAW,   SF_FORMAT_IMA_ADPCM,    SF_FORMAT_MS_ADPCM,      SF_FORMAT_VORBIS,
    SF_FORMAT_OPUS,   SF_FORMAT_MPEG_LAYER_I, SF_FORMAT_MPEG_LAYER_II, SF_FORMAT_MPEG_LAYER_III};

// The file in memory, as libsndfile's virtual file.
struct MemoryFile {
  std::span<const std::byte> bytes;
  sf_count_t at = 0;
  sf_count_t size() const { return static_cast<sf_count_t>(bytes.size()); }
};

sf_count_t memory_size(void* user) { return static_cast<MemoryFile*>(user)->size(); }

sf_count_t memory_tell(void* user) { return static_cast<MemoryFile*>(user)->at; }

sf_count_t memory_seek(sf_count_t offset, int whence, void* user) {
  auto& file = *static_cast<MemoryFile*>(user);
  const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.at : file.size();
  // Offsets come from the file and may be anything: outside of it there is nothing to read.
  if (offset > 0 && base > file.size() - std::min(offset, file.size())) return -1;
  if (offset < 0 && (offset < -file.size() || base + offset < 0)) return -1;
  file.at = base + offset;
  return file.at;
}

sf_count_t memory_read(void* out, sf_count_t count, void* user) {
  auto& file = *static_cast<MemoryFile*>(user);
  const sf_count_t n = std::clamp<sf_count_t>(count, 0, file.size() - file.at);
  if (n > 0) std::memcpy(out, file.bytes.data() + file.at, static_cast<size_t>(n));
  file.at += n;
  return n;
}

sf_count_t memory_write(const void* /*data*/, sf_count_t /*count*/, void* /*user*/) { return 0; }

struct Closer {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using SoundFile = std::unique_ptr<SNDFILE, Closer>;

std::string seconds_text(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g s", seconds);
  return text.data();
}

Error damaged(const std::string& where, const std::string& why) {
  return bad_input(where, "cannot be decoded: " + why, "copy or record the file again");
}

Error too_long(const std::string& where, const std::string& length, const AudioLimits& limits) {
  return bad_input(
      where,
      "lasts " + length + ", longer than the " + seconds_text(limits.max_seconds) + " allowed",
      "cut it into shorter clips");
}

Status check_format(const SF_INFO& info, const std::string& where) {
  const int codec = info.format & SF_FORMAT_SUBMASK;
  if (std::find(kCodecs.begin(), kCodecs.end(), codec) == kCodecs.end()) {
    SF_FORMAT_INFO name{.format = codec, .name = nullptr, .extension = nullptr};
    const bool named =
        sf_command(nullptr, SFC_GET_FORMAT_INFO, &name, sizeof(name)) == 0 && name.name;
    return unsupported(where,
                       "holds sound as " + std::string(named ? name.name : "an unknown codec") +
                           ", which is not read",
                       "convert it, say to 16-bit PCM");
  }
  if (info.channels < 1 || info.channels > kMaxChannels) {
    return bad_input(where, "has " + std::to_string(info.channels) + " channels",
                     "1 to " + std::to_string(kMaxChannels) + " are read");
  }
  if (info.samplerate < kMinRate || info.samplerate > kMaxRate) {
    return bad_input(where, "has a sampling rate of " + std::to_string(info.samplerate) + " Hz",
                     std::to_string(kMinRate) + " to " + std::to_string(kMaxRate) + " Hz are read");
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
      return bad_input(where,
                       "has a sample that is not finite at " +
                           seconds_text(position / static_cast<double>(audio.sampling_rate)) +
                           " (sample " + std::to_string(audio.samples.size()) + ")",
                       "samples must be numbers; export the clip again");
    }
    audio.samples.push_back(channels == 1 ? sum : sum / divisor);
  }
  return {};
}

Result<Audio> read_frames(SNDFILE* file, const SF_INFO& info, const std::string& where,
                          const AudioLimits& limits) {
  const double limit = std::floor(limits.max_seconds * info.samplerate);
  const bool mpeg = (info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG;
  // MP3 files have an estimate; streams whose length is unknown have the largest number.
  const bool announced = !mpeg && info.frames < std::numeric_limits<sf_count_t>::max();
  if (announced && static_cast<double>(info.frames) > limit) {
    const double seconds = static_cast<double>(info.frames) / info.samplerate;
    return too_long(where, seconds_text(seconds), limits);
  }
  Audio audio{.sampling_rate = info.samplerate, .samples = {}};
  const int64_t block_frames = std::max<int64_t>(1, kBlockSamples / info.channels);
  std::vector<float> block(static_cast<size_t>(block_frames * info.channels));
  while (true) {
    const sf_count_t n = sf_readf_float(file, block.data(), block_frames);
    if (n <= 0) break;
    if (static_cast<double>(audio.samples.size()) + static_cast<double>(n) > limit) {
      const double seconds = static_cast<double>(audio.samples.size()) / info.samplerate;
      return too_long(where, "more than " + seconds_text(seconds), limits);
    }
    const auto count = static_cast<size_t>(n * info.channels);
    LAP_RETURN_IF_ERROR(append_mono(std::span(block).first(count), info.channels, where, audio));
  }
  if (sf_error(file) != SF_ERR_NO_ERROR) return damaged(where, sf_strerror(file));
  const auto decoded = static_cast<int64_t>(audio.samples.size());
  if (announced && decoded < info.frames) {
    return bad_input(where,
                     "is truncated or damaged: " + std::to_string(info.frames) +
                         " samples announced, " + std::to_string(decoded) + " decoded",
                     "copy or record the file again");
  }
  if (decoded == 0) return bad_input(where, "has no samples", "record the clip again");
  return audio;
}

}  // namespace

Result<Audio> decode_audio(std::span<const std::byte> file, const std::string& where,
                           const AudioLimits& limits) {
  if (file.size() > static_cast<uint64_t>(std::max<int64_t>(limits.max_file_bytes, 0))) {
    return bad_input(where,
                     "has " + std::to_string(file.size()) + " bytes, at most " +
                         std::to_string(limits.max_file_bytes) + " are read",
                     "cut it into shorter clips");
  }
  LAP_ASSIGN_OR_RETURN(const AudioContainer container, identify_audio(file, where));
  LAP_RETURN_IF_ERROR(check_complete(file, container, where));
  MemoryFile memory{.bytes = file};
  SF_VIRTUAL_IO io{.get_filelen = memory_size,
                   .seek = memory_seek,
                   .read = memory_read,
                   .write = memory_write,
                   .tell = memory_tell};
  SF_INFO info{};
  try {
    const SoundFile sound(sf_open_virtual(&io, SFM_READ, &info, &memory));
    if (!sound) return damaged(where, sf_strerror(nullptr));
    LAP_RETURN_IF_ERROR(check_format(info, where));
    return read_frames(sound.get(), info, where, limits);
  } catch (const std::bad_alloc&) {
    return bad_input(where, "needs more memory than there is", "cut it into shorter clips");
  }
}

Result<Audio> load_audio(const std::filesystem::path& path, const AudioLimits& limits) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  return decode_audio(file->bytes(), path.string(), limits);
}

}  // namespace lapidary::media
