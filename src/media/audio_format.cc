#include "media/audio_format.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "media/audio_tags.h"
#include "media/byte_fields.h"
#include "media/mpeg_frames.h"

namespace lapidary::media {
namespace {

using Bytes = std::span<const std::byte>;

constexpr char kReadFormats[] = "WAV, AIFF, AU, CAF, FLAC, OGG (Vorbis, Opus) and MP3 are read";

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
    Magic{0, "TTA1", "a True Audio file"},
    Magic{0, "MPCK", "a Musepack file"},
    Magic{0, "MP+", "a Musepack file"},
    Magic{0, "DSD ", "a DSD file"},
    Magic{0, "FRM8", "a DSD file"},
    Magic{0, "riff\x2E\x91\xCF\x11"sv, "a Sony Wave64 file"},
    Magic{0, "MThd", "a MIDI file"},
    Magic{0, "\x00\x00\x01\xBA"sv, "an MPEG video"},
    Magic{8, "AVI ", "an AVI video"},
    Magic{8, "WEBP", "a WebP picture"},
    Magic{0, "\x89PNG", "a PNG picture"},
    Magic{0, "\xFF\xD8\xFF"sv, "a JPEG picture"},
    Magic{0, "GIF8", "a GIF picture"},
    Magic{0, "%PDF", "a PDF document"},
    Magic{0, "PK\x03\x04", "a ZIP archive"},
};

// Two bytes that a clip cut in mid-frame may begin with as well.
constexpr std::array kShortNames = {
    Magic{0, "\x0B\x77"sv, "an AC-3 file"},
    Magic{0, "\x1F\x8B"sv, "a gzip archive"},
};

bool is_adts_frame(Bytes file) {
  const auto header = number_at(file, 0, 2, true);
  return header && (*header & 0xFFF6) == 0xFFF0;
}

Error truncated(const std::string& where, uint64_t announced, uint64_t present) {
  return bad_input(
      where, fmt::format("is truncated: {} bytes of sound announced, {} there", announced, present),
      "copy or record the file again");
}

// Walks the pages: "OggS", 22 bytes, the number of segments, their lengths, the segments.
Status check_ogg(Bytes file, const std::string& where) {
  constexpr std::string_view kCapture = "OggS";
  constexpr size_t kHeader = 27;
  size_t at = 0;
  // What is no page is none of ours: libogg looks for the next.
  while (at < file.size() && has_text(file, at, kCapture.substr(0, file.size() - at))) {
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

// The container that the bytes begin with, of those whose names are long enough to be no accident.
std::optional<AudioContainer> container_of(Bytes file) {
  const bool riff = has_text(file, 0, "RIFF") || has_text(file, 0, "RIFX") ||
                    has_text(file, 0, "RF64") || has_text(file, 0, "BW64");
  if (riff && has_text(file, 8, "WAVE")) return AudioContainer::kWav;
  if (has_text(file, 0, "FORM") && (has_text(file, 8, "AIFF") || has_text(file, 8, "AIFC"))) {
    return AudioContainer::kAiff;
  }
  if (has_text(file, 0, ".snd") || has_text(file, 0, "dns.")) return AudioContainer::kAu;
  if (has_text(file, 0, "caff")) return AudioContainer::kCaf;
  if (has_text(file, 0, "OggS")) return AudioContainer::kOgg;
  if (has_text(file, 0, "fLaC")) return AudioContainer::kFlac;
  return std::nullopt;
}

constexpr size_t kSearchedBytes = size_t{4} << 20;

// The beginning of a FLAC or OGG stream with something before it: the name and what follows it.
std::optional<AudioStream> find_named_stream(Bytes file) {
  struct Start {
    std::string_view text;
    AudioContainer container;
  };
  constexpr std::array kStarts = {
      Start{"fLaC\x00\x00\x00\x22"sv, AudioContainer::kFlac},  // its first block, of 34 bytes
      Start{"OggS\x00\x02"sv, AudioContainer::kOgg}};          // a first page
  const std::string_view text(reinterpret_cast<const char*>(file.data()),
                              std::min(file.size(), kSearchedBytes));
  size_t first = std::string_view::npos;
  AudioContainer container = AudioContainer::kFlac;
  for (const Start& start : kStarts) {
    const size_t at = text.find(start.text);
    if (at < first) {
      first = at;
      container = start.container;
    }
  }
  if (first == std::string_view::npos) return std::nullopt;
  return AudioStream{container, file.subspan(first)};
}

std::optional<AudioStream> find_stream(Bytes file) {
  const Bytes sound = drop_end_tags(file);
  if (const auto at = find_mpeg_frames(sound, kSearchedBytes)) {
    return AudioStream{AudioContainer::kMpeg, sound.subspan(*at)};
  }
  if (is_mpeg_frame(sound)) return AudioStream{AudioContainer::kMpeg, sound};
  return std::nullopt;
}

Bytes skip_zeros(Bytes file) {
  const auto begin =
      std::find_if(file.begin(), file.end(), [](std::byte b) { return b != std::byte{0}; });
  return file.subspan(static_cast<size_t>(begin - file.begin()));
}

const char* known_name(Bytes file, std::span<const Magic> magics) {
  for (const Magic& magic : magics) {
    if (has_text(file, magic.offset, magic.text)) return magic.name;
  }
  return nullptr;
}

Error not_read(const std::string& where, const char* name) {
  return unsupported(where, fmt::format("is {}, which is not read as sound", name),
                     std::string(kReadFormats) + ": convert it, say to WAV");
}

}  // namespace

Result<AudioStream> find_audio(std::span<const std::byte> file, const std::string& where) {
  if (file.empty()) return bad_input(where, "is empty", kReadFormats);
  const Bytes content = skip_tags(file);
  if (const auto container = container_of(content)) return AudioStream{*container, content};
  if (const char* name = known_name(content, kNotRead)) return not_read(where, name);
  const Bytes begin = skip_zeros(content);
  // Padding may be followed by a further tag.
  const Bytes inner = skip_tags(begin);
  if (const auto container = container_of(inner)) return AudioStream{*container, inner};
  if (const auto stream = find_stream(inner)) return *stream;
  if (is_adts_frame(inner)) return not_read(where, "an AAC file");
  if (const char* name = known_name(content, kShortNames)) return not_read(where, name);
  if (const auto stream = find_named_stream(inner)) return *stream;
  return bad_input(where, "is not a sound file of a known kind", kReadFormats);
}

Status check_pages(const AudioStream& stream, const std::string& where) {
  if (stream.container == AudioContainer::kOgg) return check_ogg(stream.bytes, where);
  return {};
}

}  // namespace lapidary::media
