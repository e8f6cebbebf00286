#include "base/printable.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/utf8.h"

namespace lapidary {
namespace {

constexpr size_t kMostBytes = 4;  // of a character

bool is_control(char32_t c) {
  if (c < 0x20) return c != '\t' && c != '\n';
  return c >= 0x7f && c <= 0x9f;
}

bool turns_direction(char32_t c) {
  return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

// Bytes of the character that begins `text`; 0 when its first byte is no part of one.
size_t character_bytes(std::string_view text) {
  const std::string_view one = text.substr(0, utf8_length(text.front()));
  return valid_utf8(one) ? one.size() : 0;
}

// Bytes at the end of `text` that may be the beginning of a character.
size_t begun_bytes(std::string_view text) {
  for (size_t count = 1; count < kMostBytes && count <= text.size(); ++count) {
    const char c = text[text.size() - count];
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return utf8_length(c) > count ? count : 0;
  }
  return 0;
}

}  // namespace

size_t find_unprintable(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    if (text[i] >= ' ' && text[i] <= '~') {
      ++i;
      continue;
    }
    const std::string_view rest = text.substr(i);
    const size_t bytes = character_bytes(rest);
    if (bytes == 0) return i;
    const char32_t c = first_char(rest);
    if (is_control(c) || turns_direction(c)) return i;
    i += bytes;
  }
  return std::string_view::npos;
}

std::string printable(std::string_view text) {
  std::string out;
  while (true) {
    const size_t at = find_unprintable(text);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at);
    const size_t bytes = character_bytes(text);
    if (bytes == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(first_char(text)));
    }
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
}

std::string PrintableStream::push(std::string_view piece) {
  begun_ += piece;
  const size_t whole = begun_.size() - begun_bytes(begun_);
  std::string out = printable(std::string_view(begun_).substr(0, whole));
  begun_.erase(0, whole);
  return out;
}

std::string PrintableStream::flush() { return printable(std::exchange(begun_, {})); }

}  // namespace lapidary
