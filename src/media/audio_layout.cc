#include "media/audio_layout.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "media/byte_fields.h"

namespace lapidary::media {
namespace {

using FileBytes = std::span<const std::byte>;

// How a file of chunks is laid out, and which chunk holds the sound.
struct ChunkForm {
  size_t first;
  size_t size_bytes;
  bool big_endian;
  bool even;  // chunks begin at even offsets
  std::string_view sound;
  size_t before_sound;  // bytes of that chunk
};

std::optional<ChunkForm> chunk_form(const AudioStream& stream) {
  switch (stream.container) {
    case AudioContainer::kWav:
      return ChunkForm{12, 4, has_text(stream.bytes, 0, "RIFX"), true, "data", 0};
    case AudioContainer::kAiff:
      return ChunkForm{12, 4, true, true, "SSND", 8};
    case AudioContainer::kCaf:
      return ChunkForm{8, 8, true, false, "data", 4};
    default:
      return std::nullopt;
  }
}

// What writers that cannot go back leave as the length: all ones, or about the largest.
bool means_until_the_end(uint64_t size, size_t size_bytes) {
  return size_bytes == 4 ? size >= 0x7FFFF000 : size >= uint64_t{1} << 62;
}

Status check_present(const std::string& where, uint64_t announced, uint64_t present) {
  if (announced <= present) return {};
  return bad_input(
      where, fmt::format("is truncated: {} bytes of sound announced, {} there", announced, present),
      "copy or record the file again");
}

struct SoundChunk {
  size_t size_at;  // where its length stands
  FileBytes bytes;
};

struct ChunkWalk {
  std::vector<SoundChunk> sounds;
  std::optional<FileBytes> format;  // the body of "fmt "
  bool as_it_is = true;             // libsndfile reads the file so
};

// Walks the chunks of one file.
class ChunkWalker {
 public:
  ChunkWalker(const AudioStream& stream, const ChunkForm& form, const std::string& where)
      : file_(stream.bytes),
        form_(form),
        where_(where),
        wav_(stream.container == AudioContainer::kWav) {
    walk_.as_it_is = !has_text(file_, 0, "BW64");
  }

  Result<ChunkWalk> run() {
    size_t at = form_.first;
    while (const auto size = size_at(at)) {
      const size_t body = at + head();
      const bool sound = has_text(file_, at, form_.sound);
      uint64_t length = *size;
      if (sound) {
        LAP_ASSIGN_OR_RETURN(length, take_sound(at, *size));
        if (!wav_) break;  // the others have one
      } else if (length > file_.size() - body) {
        break;
      } else if (has_text(file_, at, "ds64")) {
        long_size_ = number_at(file_, body + 8, 8, false);
      } else if (wav_ && has_text(file_, at, "fmt ")) {
        if (!walk_.sounds.empty()) walk_.as_it_is = false;
        walk_.format = file_.subspan(body, static_cast<size_t>(length));
      }
      at = next_chunk(body, static_cast<size_t>(length));
    }
    if (walk_.sounds.size() > 1) walk_.as_it_is = false;
    return std::move(walk_);
  }

 private:
  size_t head() const { return 4 + form_.size_bytes; }
  std::optional<uint64_t> size_at(size_t at) const {
    return number_at(file_, at + 4, form_.size_bytes, form_.big_endian);
  }

  Result<uint64_t> take_sound(size_t at, uint64_t announced) {
    const size_t body = at + head();
    const uint64_t present = file_.size() - body;
    uint64_t size = announced;
    bool open_end = means_until_the_end(size, form_.size_bytes);
    const bool has_long_size = open_end && long_size_.has_value();
    if (has_long_size) {
      size = *long_size_;
      open_end = means_until_the_end(size, 8);
    }
    const bool unfinished = size <= form_.before_sound && present > form_.before_sound &&
                            !chunks_follow(body + static_cast<size_t>(size));
    if (open_end || unfinished) {
      // libsndfile understands all ones where the format has them, but not in RF64 and CAF.
      const bool understood =
          open_end && !has_long_size && form_.size_bytes == 4 && !has_text(file_, 0, "RF64");
      if (!understood) walk_.as_it_is = false;
      size = present;
    }
    LAP_RETURN_IF_ERROR(check_present(where_, size, present));
    if (size > 0) walk_.sounds.push_back({at + 4, file_.subspan(body, static_cast<size_t>(size))});
    // An empty chunk, and one with sound behind it.
    if (size == 0) had_empty_ = true;
    if (size > 0 && had_empty_) walk_.as_it_is = false;
    return size;
  }

  // Whether a chunk may begin there: its name is text, and it ends within the file.
  bool is_chunk(size_t at) const {
    const auto size = size_at(at);
    if (!size) return false;
    for (size_t i = at; i < at + 4; ++i) {
      const int c = std::to_integer<int>(file_[i]);
      if (c < 0x20 || c > 0x7E) return false;
    }
    const uint64_t present = file_.size() - at - head();
    return *size <= present ||
           (has_text(file_, at, form_.sound) && means_until_the_end(*size, form_.size_bytes));
  }

  // Whether all from there on is chunks.
  bool chunks_follow(size_t at) const {
    while (is_chunk(at)) {
      const uint64_t size = *size_at(at);
      const uint64_t present = file_.size() - at - head();
      if (size >= present) return true;
      at += head() + static_cast<size_t>(size);
      if (form_.even && (size & 1) != 0) ++at;
      if (at >= file_.size()) return true;
    }
    return false;
  }

  size_t next_chunk(size_t body, size_t length) {
    const size_t at = body + length;
    if (!form_.even || (length & 1) == 0) return at;
    const bool padded = at >= file_.size() || file_[at] == std::byte{0} || !is_chunk(at);
    if (!padded) walk_.as_it_is = false;
    return padded ? at + 1 : at;
  }

  FileBytes file_;
  const ChunkForm& form_;
  const std::string& where_;
  bool wav_;
  bool had_empty_ = false;
  std::optional<uint64_t> long_size_;  // of the sound of an RF64 file, whose own field is all ones
  ChunkWalk walk_;
};

void append_text(std::vector<std::byte>& out, std::string_view text) {
  for (const char c : text) out.push_back(static_cast<std::byte>(c));
}
void append_number(std::vector<std::byte>& out, uint64_t value, size_t width, bool big_endian) {
  for (size_t i = 0; i < width; ++i) {
    const size_t shift = 8 * (big_endian ? width - 1 - i : i);
    out.push_back(static_cast<std::byte>(value >> shift & 0xFF));
  }
}

// The file with another length at `at`.
SoundLayout with_length(FileBytes file, size_t at, size_t width, uint64_t length, bool big_endian) {
  SoundLayout layout;
  append_number(layout.header, length, width, big_endian);
  layout.pieces = {file.first(at), layout.header, file.subspan(at + width)};
  return layout;
}

// A header for the sound of all data chunks, and these.
Result<SoundLayout> new_wav(const ChunkWalk& walk, bool big_endian, const std::string& where) {
  constexpr size_t kBlockAlign = 12;  // in the format
  if (!walk.format || walk.format->size() < kBlockAlign + 2) {
    return bad_input(where, "does not say how its sound is stored: it has no whole chunk \"fmt \"",
                     "record or convert the clip again");
  }
  const uint64_t frame =
      std::max<uint64_t>(*number_at(*walk.format, kBlockAlign, 2, big_endian), 1);
  SoundLayout layout;
  layout.pieces.emplace_back();
  uint64_t total = 0;
  for (const SoundChunk& chunk : walk.sounds) {
    if (total % frame != 0) {
      return bad_input(where, "has several data chunks, one of which ends within a sample",
                       "record or convert the clip again");
    }
    layout.pieces.push_back(chunk.bytes);
    total += chunk.bytes.size();
  }
  const uint64_t format = walk.format->size();
  constexpr uint64_t kNamesAndSizes = 4 + 8 + 8;
  const uint64_t whole = kNamesAndSizes + format + (format & 1) + total;
  if (whole > std::numeric_limits<uint32_t>::max()) {
    return bad_input(where, "is longer than a WAV file can be", "cut it into shorter clips");
  }
  append_text(layout.header, big_endian ? "RIFX" : "RIFF");
  append_number(layout.header, whole, 4, big_endian);
  append_text(layout.header, "WAVEfmt ");
  append_number(layout.header, format, 4, big_endian);
  layout.header.insert(layout.header.end(), walk.format->begin(), walk.format->end());
  if ((format & 1) != 0) layout.header.push_back(std::byte{0});
  append_text(layout.header, "data");
  append_number(layout.header, total, 4, big_endian);
  layout.pieces.front() = layout.header;
  return layout;
}

Result<SoundLayout> lay_out_au(FileBytes file, const std::string& where) {
  constexpr size_t kSizeAt = 8;
  const bool big_endian = has_text(file, 0, ".snd");
  const auto offset = number_at(file, 4, 4, big_endian);
  const auto size = number_at(file, kSizeAt, 4, big_endian);
  if (offset && size && !means_until_the_end(*size, 4)) {
    const uint64_t present = file.size() < *offset ? 0 : file.size() - *offset;
    LAP_RETURN_IF_ERROR(check_present(where, *size, present));
    constexpr uint64_t kUnknown = 0xFFFFFFFF;
    if (*size == 0 && present > 0) return with_length(file, kSizeAt, 4, kUnknown, big_endian);
  }
  return SoundLayout{{}, {file}};
}

}  // namespace

Result<SoundLayout> lay_out_sound(const AudioStream& stream, const std::string& where) {
  if (stream.container == AudioContainer::kAu) return lay_out_au(stream.bytes, where);
  const auto form = chunk_form(stream);
  if (!form) return SoundLayout{{}, {stream.bytes}};
  LAP_ASSIGN_OR_RETURN(const ChunkWalk walk, ChunkWalker(stream, *form, where).run());
  const bool wav = stream.container == AudioContainer::kWav;
  const bool described = !wav || walk.format.has_value();
  if ((walk.as_it_is && described) || walk.sounds.empty()) return SoundLayout{{}, {stream.bytes}};
  if (wav) return new_wav(walk, form->big_endian, where);
  const SoundChunk& sound = walk.sounds.front();
  return with_length(stream.bytes, sound.size_at, form->size_bytes, sound.bytes.size(),
                     form->big_endian);
}

}  // namespace lapidary::media
