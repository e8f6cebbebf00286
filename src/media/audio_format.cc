#include "media/audio_format.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lapidary::media {
namespace {

using Bytes = std::span<const std::byte>;

constexpr char kReadFormats[] = "WAV, AIFF, AU, CAF, FLAC, OGG (Vorbis, Opus) and MP3 are read";

bool has(Bytes file, size_t offset, std::string_view text) {
  if (file.size() < offset || file.size() - offset < text.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (static_cast<char>(file[offset + i]) != text[i]) return false;
  }
  return true;
}

// The unsigned number of `width` bytes at `offset`; nothing when it is not all there.
std::optional<uint64_t> number_at(Bytes file, size_t offset, size_t width, bool big_endian) {
  if (file.size() < offset || file.size() - offset < width) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) {
    const size_t at = big_endian ? i : width - 1 - i;
    value = value << 8 | std::to_integer<uint64_t>(file[offset + at]);
  }
  return value;
}

struct Magic {
  size_t offset;
  std::string_view text;
  const char* name;
};

using std::string_view_literals::operator""sv;

constexpr std::array kNotRead = {
    Magic{4, "ftyp", "an MP4 file (M4A, AAC, MOV)"},
    Magic{0, "#!AMR", "an AMR file"},
    Magic{0, "\x30\x26\xB2\x75"sv, "a Windows Media file (WMA)"},
    Magic{0, "\x1A\x45\xDF\xA3"sv, "a Matroska file (WebM, MKA)"},
    Magic{0, "wvpk", "a WavPack file"},
    Magic{0, "MAC ", "a Monkey's Audio file"},
    Magic{0, "ADIF", "an AAC file"},
    Magic{0, "\x0B\x77"sv, "an AC-3 file"},
    Magic{0, "TTA1", "a True Audio file"},
    Magic{0, "MPCK", "a Musepack file"},
    Magic{0, "MP+", "a Musepack file"},
    Magic{0, "DSD ", "a DSD file"},
    Magic{0, "FRM8", "a DSD file"},
    Magic{0, "riff\x2E\x91\xCF\x11"sv, "a Sony Wave64 file"},
    Magic{0, "MThd", "a MIDI file"},
    Magic{8, "AVI ", "an AVI video"},
    Magic{8, "WEBP", "a WebP picture"},
    Magic{0, "\x89PNG", "a PNG picture"},
    Magic{0, "\xFF\xD8\xFF"sv, "a JPEG picture"},
    Magic{0, "GIF8", "a GIF picture"},
    Magic{0, "%PDF", "a PDF document"},
    Magic{0, "PK\x03\x04", "a ZIP archive"},
    Magic{0, "\x1F\x8B"sv, "a gzip archive"},
};

// The header of a frame of MPEG audio: 11 bits of sync, then version, layer, bit rate and rate,
// each of which has a value that no stream uses. Layer 0 is what AAC streams have there.
bool is_mpeg_frame(Bytes file) {
  const auto header = number_at(file, 0, 4, true);
  if (!header) return false;
  const uint64_t version = *header >> 19 & 3, layer = *header >> 17 & 3;
  const uint64_t bit_rate = *header >> 12 & 15, rate = *header >> 10 & 3;
  return *header >> 21 == 0x7FF && version != 1 && layer != 0 && bit_rate != 15 && rate != 3;
}

bool is_adts_frame(Bytes file) {
  const auto header = number_at(file, 0, 2, true);
  return header && (*header & 0xFFF6) == 0xFFF0;
}

// How a file of chunks is laid out, and which chunk holds the sound.
struct Chunks {
  size_t first;
  size_t size_bytes;
  bool big_endian;
  bool even;  // chunks begin at even offsets
  std::string_view sound;
};

std::optional<Chunks> chunks_of(Bytes file, AudioContainer container) {
  switch (container) {
    case AudioContainer::kWav:
      return Chunks{12, 4, has(file, 0, "RIFX"), true, "data"};
    case AudioContainer::kAiff:
      return Chunks{12, 4, true, true, "SSND"};
    case AudioContainer::kCaf:
      return Chunks{8, 8, true, false, "data"};
    default:
      return std::nullopt;
  }
}

// What writers that cannot go back leave as the length: all ones, or about the largest.
bool means_until_the_end(uint64_t size, size_t size_bytes) {
  return size_bytes == 4 ? size >= 0x7FFFF000 : size >= uint64_t{1} << 62;
}

Error truncated(const std::string& where, uint64_t announced, uint64_t present) {
  return bad_input(
      where, fmt::format("is truncated: {} bytes of sound announced, {} there", announced, present),
      "copy or record the file again");
}

Status check_chunks(Bytes file, const Chunks& layout, const std::string& where) {
  std::optional<uint64_t> long_size;  // of the sound of an RF64 file, whose own field is all ones
  size_t at = layout.first;
  while (true) {
    auto size = number_at(file, at + 4, layout.size_bytes, layout.big_endian);
    if (!size) return {};  // no such chunk: the decoder says so
    const size_t body = at + 4 + layout.size_bytes;
    if (has(file, at, "ds64")) long_size = number_at(file, body + 8, 8, false);
    const uint64_t present = file.size() - body;
    if (has(file, at, layout.sound)) {
      const bool open_end = means_until_the_end(*size, layout.size_bytes);
      if (open_end && long_size && !means_until_the_end(*long_size, 8)) {
        size = long_size;
      } else if (open_end) {
        return {};
      }
      if (*size > present) return truncated(where, *size, present);
      return {};
    }
    if (*size > present) return {};
    at = body + static_cast<size_t>(*size);
    if (layout.even && (*size & 1) != 0) ++at;
  }
}

Status check_au(Bytes file, const std::string& where) {
  const bool big_endian = has(file, 0, ".snd");
  const auto offset = number_at(file, 4, 4, big_endian), size = number_at(file, 8, 4, big_endian);
  if (!offset || !size || *size == 0 || means_until_the_end(*size, 4)) return {};
  const uint64_t present = file.size() < *offset ? 0 : file.size() - *offset;
  if (*size > present) return truncated(where, *size, present);
  return {};
}

// Walks the pages: "OggS", 22 bytes, the number of segments, their lengths, the segments.
Status check_ogg(Bytes file, const std::string& where) {
  constexpr std::string_view kCapture = "OggS";
  constexpr size_t kHeader = 27;
  size_t at = 0;
  // What is no page is none of ours: libogg looks for the next.
  while (at < file.size() && has(file, at, kCapture.substr(0, file.size() - at))) {
    const uint64_t present = file.size() - at;
    uint64_t size = kHeader;
    if (present >= kHeader) {
      const auto segments = std::to_integer<size_t>(file[at + kHeader - 1]);
      size += segments;
      for (size_t i = 0; i < segments && kHeader + i < present; ++i) {
        size += std::to_integer<uint64_t>(file[at + kHeader + i]);
      }
    }
    if (size > present) return truncated(where, at + size, file.size());
    at += static_cast<size_t>(size);
  }
  return {};
}

}  // namespace

std::span<const std::byte> skip_id3(std::span<const std::byte> file) {
  constexpr size_t kHeader = 10;
  while (has(file, 0, "ID3") && file.size() >= kHeader) {
    size_t length = kHeader;
    for (size_t i = 6; i < kHeader; ++i) {  // seven bits a byte
      length += std::to_integer<size_t>(file[i] & std::byte{0x7F}) << (7 * (kHeader - 1 - i));
    }
    file = file.subspan(std::min(length, file.size()));
  }
  return file;
}

Result<AudioContainer> identify_audio(std::span<const std::byte> file, const std::string& where) {
  if (file.empty()) return bad_input(where, "is empty", kReadFormats);
  const bool wav = has(file, 0, "RIFF") || has(file, 0, "RIFX") || has(file, 0, "RF64");
  if (wav && has(file, 8, "WAVE")) return AudioContainer::kWav;
  if (has(file, 0, "FORM") && (has(file, 8, "AIFF") || has(file, 8, "AIFC"))) {
    return AudioContainer::kAiff;
  }
  if (has(file, 0, ".snd") || has(file, 0, "dns.")) return AudioContainer::kAu;
  if (has(file, 0, "caff")) return AudioContainer::kCaf;
  if (has(file, 0, "OggS")) return AudioContainer::kOgg;
  if (has(file, 0, "fLaC")) return AudioContainer::kFlac;
  if (is_mpeg_frame(file)) return AudioContainer::kMpeg;
  const char* name = is_adts_frame(file) ? "an AAC file" : nullptr;
  for (const Magic& magic : kNotRead) {
    if (!name && has(file, magic.offset, magic.text)) name = magic.name;
  }
  if (name) {
    return unsupported(where, fmt::format("is {}, which is not read as sound", name),
                       std::string(kReadFormats) + ": convert it, say to WAV");
  }
  return bad_input(where, "is not a sound file of a known kind", kReadFormats);
}

Status check_complete(std::span<const std::byte> file, AudioContainer container,
                      const std::string& where) {
  if (const auto chunks = chunks_of(file, container)) return check_chunks(file, *chunks, where);
  if (container == AudioContainer::kAu) return check_au(file, where);
  if (container == AudioContainer::kOgg) return check_ogg(file, where);
  return {};
}

}  // namespace lapidary::media
