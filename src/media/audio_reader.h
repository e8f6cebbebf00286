// A sound file being decoded, block by block. Two libraries do it: libsndfile, and mpg123 for MPEG
// audio (libsndfile would use it too, but lets it print to the terminal).
//
//   LAP_ASSIGN_OR_RETURN(auto reader, open_sndfile(MemoryFile(file), "a.wav"));
//   std::vector<float> block(4096 * reader->info().channels);
//   LAP_ASSIGN_OR_RETURN(const int64_t frames, reader->read(block));
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "media/memory_file.h"

namespace lapidary::media {

struct AudioStreamInfo {
  int64_t sampling_rate = 0;  // Hz
  int64_t channels = 0;
  std::optional<int64_t> frames;  // announced by the file, if it does; not to be believed
  int64_t slack = 0;              // by how many frames a sound file may fall short of that
};

class AudioReader {
 public:
  AudioReader() = default;
  virtual ~AudioReader() = default;
  AudioReader(const AudioReader&) = delete;
  AudioReader& operator=(const AudioReader&) = delete;

  const AudioStreamInfo& info() const { return info_; }
  // Fills whole frames (a sample of each channel, full scale [-1, 1]) from the block's begin and
  // returns their number; 0 at the end. Errors: kBadInput for damage.
  virtual Result<int64_t> read(std::span<float> block) = 0;

 protected:
  AudioStreamInfo info_;
};

// Readers of a file in memory, whose bytes must live as long as they do. Errors: kBadInput for a
// damaged file, kUnsupported for a codec that is not read.
Result<std::unique_ptr<AudioReader>> open_sndfile(MemoryFile file, const std::string& where);
Result<std::unique_ptr<AudioReader>> open_mpeg(std::span<const std::byte> file,
                                               const std::string& where);

// What every reader says of a damaged file; `why` are the library's words, but for those about its
// own structures, which would tell the user nothing.
inline Error undecodable(const std::string& where, std::string_view why) {
  constexpr std::string_view kNoise = "Error : ";
  if (why.starts_with(kNoise)) why.remove_prefix(kNoise.size());
  while (why.ends_with('.')) why.remove_suffix(1);
  for (const std::string_view inner :
       {"nternal error", "SF_INFO", "SF_PRIVATE", "psf", "System error"}) {
    if (why.find(inner) != std::string_view::npos) why = "its header does not describe a sound";
  }
  return bad_input(where, "cannot be decoded: " + std::string(why),
                   "copy or record the file again");
}

}  // namespace lapidary::media
