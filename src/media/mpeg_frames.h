// The frames of MPEG audio (MP3 and its older layers), told by their headers.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace lapidary::media {

// Whether the bytes begin with the header of a frame. So does one offset of 6000 in bytes of any
// kind.
bool is_mpeg_frame(std::span<const std::byte> bytes);

// Where the first frame begins that others of the same kind follow: three in a row, or two up to
// the end of the bytes; 0 when the bytes begin with a frame of that kind, whatever follows it.
// Looked for in the first `reach` bytes. Nothing for streams of free bit rates, whose frames do not
// tell their length.
std::optional<size_t> find_mpeg_frames(std::span<const std::byte> bytes, size_t reach);

}  // namespace lapidary::media
