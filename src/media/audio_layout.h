// Where the sound lies in files whose headers say how long it is: WAV, AIFF, AU, CAF. Recorders
// that were stopped, and programs that write to a pipe, leave lengths of 0 or of all ones; other
// programs write several data chunks, or forget the byte that pads an odd one.
//
//   LAP_ASSIGN_OR_RETURN(const SoundLayout layout, lay_out_sound(stream, "a.wav"));
//   LAP_ASSIGN_OR_RETURN(auto reader, open_sndfile(MemoryFile(layout.pieces), "a.wav"));
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/audio_format.h"

namespace lapidary::media {

// The pieces of a file whose lengths are right; they lie in the stream and in `header`.
struct SoundLayout {
  std::vector<std::byte> header;  // a header or a length made here; empty when none was wrong
  std::vector<std::span<const std::byte>> pieces;
};

// The file as it is when its lengths can be believed, and for other containers. A length of 0 with
// bytes behind it that are no chunks means "until the end", as one of all ones does. The data
// chunks of a WAV file are put together.
// Errors: kBadInput when a file ends before the sound that it announces, a WAV file does not say
// how its sound is stored, or one of its data chunks ends within a frame and another follows.
Result<SoundLayout> lay_out_sound(const AudioStream& stream, const std::string& where);

}  // namespace lapidary::media
