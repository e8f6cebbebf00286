#include "jinja/split.h"

#include <algorithm>

#include "jinja/text_search.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

// Start of the last code point before `end`.
size_t previous(std::string_view text, size_t end) {
  size_t i = end - 1;
  while (i > 0 && (static_cast<unsigned char>(text[i]) & 0xC0u) == 0x80) --i;
  return i;
}

void push(Pieces& out, std::string_view piece, Runtime& runtime) {
  if (out.size() >= runtime.limits().max_items) runtime.spend_items(out.size() + 1);
  runtime.spend(4);
  out.push_back(piece);
}

bool space_at(std::string_view text, size_t i) { return is_space(next_char(text, i)); }

Pieces split_space_left(std::string_view text, int64_t max, Runtime& runtime) {
  runtime.spend_decode(text.size());
  Pieces out;
  text = strip(text, Ends::kLeft);
  while (!text.empty()) {
    if (max >= 0 && static_cast<int64_t>(out.size()) == max) {
      push(out, text, runtime);
      break;
    }
    size_t end = 0;
    while (end < text.size() && !space_at(text, end)) next_char(text, end);
    push(out, text.substr(0, end), runtime);
    text = strip(text.substr(end), Ends::kLeft);
  }
  return out;
}

Pieces split_space_right(std::string_view text, int64_t max, Runtime& runtime) {
  runtime.spend_decode(text.size());
  Pieces out;
  text = strip(text, Ends::kRight);
  while (!text.empty()) {
    if (max >= 0 && static_cast<int64_t>(out.size()) == max) {
      push(out, text, runtime);
      break;
    }
    size_t begin = text.size();
    while (begin > 0 && !space_at(text, previous(text, begin))) begin = previous(text, begin);
    push(out, text.substr(begin), runtime);
    text = strip(text.substr(0, begin), Ends::kRight);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

Pieces split_space(std::string_view text, int64_t max, bool from_right, Runtime& runtime) {
  return from_right ? split_space_right(text, max, runtime) : split_space_left(text, max, runtime);
}

Pieces split_at(std::string_view text, std::string_view separator, int64_t max, bool from_right,
                Runtime& runtime) {
  runtime.spend_scan(text.size());
  runtime.spend_scan(separator.size());
  if (from_right && separator.size() > 32) {
    // Mirrored, so that the linear search applies.
    const std::string mirror(text.rbegin(), text.rend());
    const std::string needle(separator.rbegin(), separator.rend());
    Pieces out;
    for (std::string_view piece : split_at(mirror, needle, max, false, runtime)) {
      const auto from = static_cast<size_t>(piece.data() - mirror.data());
      push(out, text.substr(text.size() - from - piece.size(), piece.size()), runtime);
    }
    std::reverse(out.begin(), out.end());
    return out;
  }
  Pieces out;
  const auto more = [&] { return max < 0 || static_cast<int64_t>(out.size()) < max; };
  while (more()) {
    const size_t at = from_right ? rfind_bytes(text, separator) : find_bytes(text, separator, 0);
    if (at == std::string_view::npos) break;
    push(out, from_right ? text.substr(at + separator.size()) : text.substr(0, at), runtime);
    text = from_right ? text.substr(0, at) : text.substr(at + separator.size());
  }
  push(out, text, runtime);
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

Pieces split_lines(std::string_view text, bool keep_ends, Runtime& runtime) {
  runtime.spend_decode(text.size());
  Pieces out;
  size_t start = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t end = i;
    const char32_t c = next_char(text, i);
    if (!is_line_end(c)) continue;
    if (c == '\r' && i < text.size() && text[i] == '\n') ++i;
    push(out, text.substr(start, (keep_ends ? i : end) - start), runtime);
    start = i;
  }
  if (start < text.size()) push(out, text.substr(start), runtime);
  return out;
}

}  // namespace lapidary::jinja
