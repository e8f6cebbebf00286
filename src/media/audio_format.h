// What a sound file is, told by its content, and whether all of it is there.
//
//   file = skip_id3(file);
//   LAP_ASSIGN_OR_RETURN(AudioContainer container, identify_audio(file, "a.wav"));
//   LAP_RETURN_IF_ERROR(check_complete(file, container, "a.wav"));
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace lapidary::media {

// The containers that are read. kWav stands for RIFF, RIFX, WAVEX and RF64 alike.
enum class AudioContainer { kWav, kAiff, kAu, kCaf, kFlac, kOgg, kMpeg };

// The file without the ID3v2 tags that it may begin with: notes and pictures.
std::span<const std::byte> skip_id3(std::span<const std::byte> file);

// Errors: kUnsupported for a kind of file that is known but not read (M4A, AMR, WMA, a picture
// ...), with its name; kBadInput for an empty file and for bytes of no known kind.
Result<AudioContainer> identify_audio(std::span<const std::byte> file, const std::string& where);

// Errors: kBadInput when the file ends before the sound that it announces: the data chunk of WAV,
// AIFF, AU and CAF, the last page of OGG. Lengths that mean "until the end" (writers that cannot
// seek leave them) pass. FLAC and MP3 are counted while they are decoded.
Status check_complete(std::span<const std::byte> file, AudioContainer container,
                      const std::string& where);

}  // namespace lapidary::media
