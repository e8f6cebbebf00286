// What a sound file is, told by its content, and where its sound begins.
//
//   LAP_ASSIGN_OR_RETURN(const AudioStream stream, find_audio(file, "a.mp3"));
//   LAP_RETURN_IF_ERROR(check_pages(stream, "a.mp3"));
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace lapidary::media {

// The containers that are read. kWav stands for RIFF, RIFX, WAVEX and RF64 alike.
enum class AudioContainer { kWav, kAiff, kAu, kCaf, kFlac, kOgg, kMpeg };

struct AudioStream {
  AudioContainer container = AudioContainer::kWav;
  std::span<const std::byte> bytes;  // of the file
};

// Passes over tags before the sound, and over what is neither tag nor sound: the padding that some
// programs leave behind a tag, the rest of a frame where a clip was cut. Beyond zeros, sound is
// looked for in 4 MiB: frames of MPEG audio in a row, or the beginning of a FLAC or OGG stream.
// Tags behind MPEG audio are left out.
// Errors: kUnsupported for a kind of file that is known but not read (M4A, AMR, WMA, a picture
// ...), with its name; kBadInput for an empty file and for bytes of no known kind.
Result<AudioStream> find_audio(std::span<const std::byte> file, const std::string& where);

// Errors: kBadInput when an OGG stream ends within a page. Other containers pass: see
// audio_layout.h; FLAC and MP3 are counted while they are decoded.
Status check_pages(const AudioStream& stream, const std::string& where);

}  // namespace lapidary::media
