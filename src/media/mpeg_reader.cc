#include <mpg123.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "media/audio_reader.h"
#include "media/memory_file.h"
#include "media/mpeg_frames.h"

namespace lapidary::media {
namespace {

ssize_t memory_read(void* user, void* out, size_t count) {
  return memory_file(user).read(out, static_cast<int64_t>(count));
}
off_t memory_seek(void* user, off_t offset, int whence) {
  return memory_file(user).seek(offset, whence);
}

constexpr int64_t kFrame = 1152;  // samples, the most

// Whether the first frame is an encoder's note of how many frames follow, instead of sound.
bool announces_length(std::span<const std::byte> file) {
  constexpr size_t kReach = 64;  // behind the frame's header and side information
  const std::string_view begin(reinterpret_cast<const char*>(file.data()),
                               std::min(file.size(), kReach));
  for (const std::string_view name : {"Xing", "Info"}) {
    const size_t at = begin.find(name);
    constexpr size_t kFlags = 7;  // the last of the four bytes behind the name; bit 0: frames
    if (at != std::string_view::npos && at + kFlags < begin.size()) {
      return (begin[at + kFlags] & 1) != 0;
    }
  }
  return false;
}

class MpegReader final : public AudioReader {
 public:
  MpegReader(std::span<const std::byte> bytes, std::string where)
      : bytes_(bytes), memory_(bytes), where_(std::move(where)) {}
  ~MpegReader() override {
    if (handle_) mpg123_delete(handle_);
  }

  Status open() {
    int error = MPG123_OK;
    handle_ = mpg123_new(nullptr, &error);
    if (!handle_) return internal_error(where_, mpg123_plain_strerror(error));
    // As libsndfile, which the reference reads with: floats at the file's own rate, without the
    // encoder's padding, and no change of format on the way. Quiet: nothing is printed.
    const long flags = MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS | MPG123_NO_FRANKENSTEIN;
    mpg123_param(handle_, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0);
    mpg123_param(handle_, MPG123_ADD_FLAGS, flags, 0);
    mpg123_replace_reader_handle(handle_, memory_read, memory_seek, nullptr);
    long rate = 0;
    int channels = 0, encoding = 0;
    if (mpg123_open_handle(handle_, &memory_) != MPG123_OK ||
        mpg123_getformat(handle_, &rate, &channels, &encoding) != MPG123_OK) {
      return damaged();
    }
    if (encoding != MPG123_ENC_FLOAT_32) {
      return internal_error(where_, "libmpg123 gives no 32-bit floats");
    }
    info_ = {.sampling_rate = rate, .channels = channels, .frames = std::nullopt};
    if (const off_t length = mpg123_length(handle_); announces_length(bytes_) && length >= 0) {
      info_.frames = length;
      info_.slack = 2 * kFrame;  // encoders that count their note, and the last frame's reservoir
    }
    return {};
  }

  Result<int64_t> read(std::span<float> block) override {
    size_t bytes = 0;
    const int error = mpg123_read(handle_, block.data(), block.size_bytes(), &bytes);
    const bool fine = error == MPG123_OK || error == MPG123_DONE;
    if (!fine && bytes == 0) {
      if (only_other_bytes_follow()) return 0;
      return damaged();
    }
    decoded_ = true;
    return static_cast<int64_t>(bytes / sizeof(float)) / info_.channels;
  }

 private:
  // Behind the last frame, where the library has given up looking for another.
  bool only_other_bytes_follow() const {
    if (!decoded_ || mpg123_errcode(handle_) != MPG123_RESYNC_FAIL) return false;
    const auto rest = bytes_.subspan(static_cast<size_t>(memory_.tell()));
    return !find_mpeg_frames(rest, rest.size()).has_value();
  }

  Error damaged() const {
    const bool ended = mpg123_errcode(handle_) == MPG123_LSEEK_FAILED;
    return undecodable(where_, ended ? "it ends within a frame" : mpg123_strerror(handle_));
  }

  std::span<const std::byte> bytes_;
  MemoryFile memory_;
  std::string where_;
  mpg123_handle* handle_ = nullptr;
  bool decoded_ = false;  // anything yet
};

}  // namespace

Result<std::unique_ptr<AudioReader>> open_mpeg(std::span<const std::byte> file,
                                               const std::string& where) {
  auto reader = std::make_unique<MpegReader>(file, where);
  LAP_RETURN_IF_ERROR(reader->open());
  return std::unique_ptr<AudioReader>(std::move(reader));
}

}  // namespace lapidary::media
