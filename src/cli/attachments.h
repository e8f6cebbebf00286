// What goes with the next message of a chat.
//
//   if (const auto item = parse_attachment("/image ~/my photos/fox.png")) {
//     write_out(attachments.add(*item, std::move(encoded)));
//   }
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "encoders/media_encoder.h"

namespace lapidary::cli {

// "/image FILE", "/audio FILE" or "/video DIR"; nothing for other lines. The name is the rest of
// the line without spaces at its ends; a leading "~/" is the user's home folder. Without a
// name the path is empty.
std::optional<encoders::MediaItem> parse_attachment(std::string_view line);

class Attachments {
 public:
  // Returns the line that tells the user.
  std::string add(encoders::MediaItem item, encoders::EncodedMedia encoded);
  void clear();

  // A line for each.
  std::string list() const;
  const std::vector<encoders::MediaItem>& items() const { return items_; }
  const std::vector<encoders::EncodedMedia>& encoded() const { return encoded_; }

 private:
  std::string line(size_t i) const;

  std::vector<encoders::MediaItem> items_;
  std::vector<encoders::EncodedMedia> encoded_;
};

}  // namespace lapidary::cli
