#include <fmt/core.h>
#include <sndfile.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "media/audio_reader.h"
#include "media/memory_file.h"

namespace lapidary::media {
namespace {

// The codecs that are let in. What else libsndfile knows is rare, and bytes from anywhere come
// here.
constexpr std::array kCodecs = {
    SF_FORMAT_PCM_S8,   SF_FORMAT_PCM_16, SF_FORMAT_PCM_24, SF_FORMAT_PCM_32, SF_FORMAT_PCM_U8,
    SF_FORMAT_FLOAT,    SF_FORMAT_DOUBLE, SF_FORMAT_ULAW,   SF_FORMAT_ALAW,   SF_FORMAT_IMA_ADPCM,
    SF_FORMAT_MS_ADPCM, SF_FORMAT_VORBIS, SF_FORMAT_OPUS};

sf_count_t memory_size(void* user) { return memory_file(user).size(); }
sf_count_t memory_tell(void* user) { return memory_file(user).tell(); }
sf_count_t memory_seek(sf_count_t offset, int whence, void* user) {
  return memory_file(user).seek(offset, whence);
}
sf_count_t memory_read(void* out, sf_count_t count, void* user) {
  return memory_file(user).read(out, count);
}
sf_count_t memory_write(const void* /*data*/, sf_count_t /*count*/, void* /*user*/) { return 0; }

std::string codec_name(int codec) {
  SF_FORMAT_INFO info{.format = codec, .name = nullptr, .extension = nullptr};
  if (sf_command(nullptr, SFC_GET_FORMAT_INFO, &info, sizeof(info)) != 0) return "an unknown codec";
  return info.name ? info.name : "an unknown codec";
}

class SndfileReader final : public AudioReader {
 public:
  SndfileReader(MemoryFile file, std::string where)
      : memory_(std::move(file)), where_(std::move(where)) {}
  ~SndfileReader() override {
    if (file_) sf_close(file_);
  }

  Status open() {
    SF_VIRTUAL_IO io{.get_filelen = memory_size,
                     .seek = memory_seek,
                     .read = memory_read,
                     .write = memory_write,
                     .tell = memory_tell};
    SF_INFO info{};
    file_ = sf_open_virtual(&io, SFM_READ, &info, &memory_);
    if (!file_) return undecodable(where_, sf_strerror(nullptr));
    const int codec = info.format & SF_FORMAT_SUBMASK;
    if (std::find(kCodecs.begin(), kCodecs.end(), codec) == kCodecs.end()) {
      return unsupported(where_,
                         fmt::format("holds sound as {}, which is not read", codec_name(codec)),
                         "convert it, say to 16-bit PCM");
    }
    info_ = {.sampling_rate = info.samplerate, .channels = info.channels, .frames = std::nullopt};
    // A stream whose length is unknown has the largest number.
    if (info.frames < std::numeric_limits<sf_count_t>::max()) info_.frames = info.frames;
    // OGG counts from its pages' positions, which encoders start anywhere within a block.
    constexpr int64_t kLargestBlock = 8192;
    if ((info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_OGG) info_.slack = kLargestBlock;
    return {};
  }

  Result<int64_t> read(std::span<float> block) override {
    const auto frames = static_cast<sf_count_t>(block.size()) / info_.channels;
    const sf_count_t n = sf_readf_float(file_, block.data(), frames);
    if (n > 0) return n;
    if (sf_error(file_) != SF_ERR_NO_ERROR) return undecodable(where_, sf_strerror(file_));
    return 0;
  }

 private:
  MemoryFile memory_;
  std::string where_;
  SNDFILE* file_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<AudioReader>> open_sndfile(MemoryFile file, const std::string& where) {
  auto reader = std::make_unique<SndfileReader>(std::move(file), where);
  LAP_RETURN_IF_ERROR(reader->open());
  return std::unique_ptr<AudioReader>(std::move(reader));
}

}  // namespace lapidary::media
