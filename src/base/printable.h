// Text from elsewhere (names in a file, a model's answer) as a terminal may be given it. Escape
// sequences among it could move the cursor, rename the window or hide what stands in a line.
//
//   printable("a\x1b[2Jb\xff")   // a\u001b[2Jb\xff, in plain letters
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lapidary {

// Offset of the first byte that printable() rewrites, or npos: most text is fine as it is.
size_t find_unprintable(std::string_view text);

// Control characters (U+0000 to U+001F but for tab and line break, U+007F to U+009F) and those that
// turn the direction of text (U+202A to U+202E, U+2066 to U+2069) as \u001b, a form that JSON
// reads as well; bytes that are no UTF-8 as \xff. All other text, backslashes included, stays.
std::string printable(std::string_view text);

// The same for text that comes in pieces, which may end within a character.
class PrintableStream {
 public:
  // What `piece` adds: all but a character that it only begins.
  std::string push(std::string_view piece);
  // The bytes of a character that never ended.
  std::string flush();

 private:
  std::string begun_;
};

}  // namespace lapidary
