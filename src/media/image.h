// A decoded picture: 8-bit RGB, what every image front end of the reference works on.
#pragma once

#include <cstdint>
#include <vector>

namespace lapidary::media {

struct Image {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> rgb;  // [height, width, 3], row-major
};

}  // namespace lapidary::media
