// UTF-8: the only encoding of text in Lapidary. Strict (no overlong forms, no surrogates, at most
// U+10FFFF), as Python's and Rust's decoders are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lapidary {

// Offset of the first byte of the first ill-formed sequence, or npos when all of `text` is valid.
size_t find_invalid_utf8(std::string_view text);
inline bool valid_utf8(std::string_view text) {
  return find_invalid_utf8(text) == std::string_view::npos;
}

// Bytes of the character that starts with `lead`, in valid UTF-8.
inline size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

// The character that starts at `text[0]`; `text` must be valid UTF-8 and not empty.
char32_t first_char(std::string_view text);
// The character that starts at `position`, which moves behind it. `text` must be valid UTF-8.
inline char32_t next_char(std::string_view text, size_t& position) {
  const char32_t c = first_char(text.substr(position));
  position += utf8_length(text[position]);
  return c;
}
// The character that ends `text`; `text` must be valid UTF-8 and not empty.
char32_t last_char(std::string_view text);

void append_utf8(std::string& out, char32_t code_point);

}  // namespace lapidary
