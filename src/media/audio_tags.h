// Notes and pictures that are put before and behind the sound of a file.
#pragma once

#include <cstddef>
#include <span>

namespace lapidary::media {

// The file without the ID3v2 and APEv2 tags that it begins with. Of a tag that claims to be longer
// than the file only the header is left out.
std::span<const std::byte> skip_tags(std::span<const std::byte> file);

// The file without the tags that players append to MPEG audio: ID3v1, Lyrics3 and APEv2, and zeros.
std::span<const std::byte> drop_end_tags(std::span<const std::byte> file);

}  // namespace lapidary::media
