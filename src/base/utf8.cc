#include "base/utf8.h"

#include <cstring>

namespace lapidary {
namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xc0u) == 0x80u; }

// Length of the well-formed sequence at `p` (a non-ASCII lead byte), or 0.
size_t sequence_length(const unsigned char* p, size_t left) {
  const unsigned char lead = p[0];
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (left < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(p[i])) return 0;
  }
  // The second byte alone decides about overlong forms, surrogates and the upper end.
  if (lead == 0xe0 && p[1] < 0xa0) return 0;
  if (lead == 0xed && p[1] > 0x9f) return 0;
  if (lead == 0xf0 && p[1] < 0x90) return 0;
  if (lead == 0xf4 && p[1] > 0x8f) return 0;
  return length;
}

}  // namespace

size_t find_invalid_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const size_t size = text.size();
  size_t i = 0;
  while (i < size) {
    if (bytes[i] < 0x80) {
      uint64_t word = 0;
      while (i + sizeof(word) <= size) {
        std::memcpy(&word, bytes + i, sizeof(word));
        if ((word & 0x8080808080808080u) != 0) break;
        i += sizeof(word);
      }
      while (i < size && bytes[i] < 0x80) ++i;
      continue;
    }
    const size_t length = sequence_length(bytes + i, size - i);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

char32_t first_char(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto tail = [&](size_t i) { return static_cast<char32_t>(p[i] & 0x3fu); };
  switch (utf8_length(text[0])) {
    case 1:
      return p[0];
    case 2:
      return (static_cast<char32_t>(p[0] & 0x1fu) << 6) | tail(1);
    case 3:
      return (static_cast<char32_t>(p[0] & 0x0fu) << 12) | (tail(1) << 6) | tail(2);
    default:
      return (static_cast<char32_t>(p[0] & 0x07u) << 18) | (tail(1) << 12) | (tail(2) << 6) |
             tail(3);
  }
}

char32_t last_char(std::string_view text) {
  size_t begin = text.size() - 1;
  while (is_continuation(static_cast<unsigned char>(text[begin]))) --begin;
  return first_char(text.substr(begin));
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

}  // namespace lapidary
