#include "jinja/text_search.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

// The prefix function of Knuth, Morris and Pratt.
std::vector<uint32_t> failure_table(std::string_view needle) {
  std::vector<uint32_t> table(needle.size(), 0);
  uint32_t k = 0;  // strings are far shorter than 4 GB
  for (size_t i = 1; i < needle.size(); ++i) {
    while (k > 0 && needle[i] != needle[k]) k = table[k - 1];
    if (needle[i] == needle[k]) ++k;
    table[i] = k;
  }
  return table;
}

size_t search_kmp(std::string_view haystack, std::string_view needle, size_t from) {
  const std::vector<uint32_t> table = failure_table(needle);
  for (size_t i = from, k = 0; i < haystack.size(); ++i) {
    while (k > 0 && haystack[i] != needle[k]) k = table[k - 1];
    if (haystack[i] == needle[k]) ++k;
    if (k == needle.size()) return i + 1 - k;
  }
  return std::string_view::npos;
}

}  // namespace

size_t find_bytes(std::string_view haystack, std::string_view needle, size_t from) {
  // The library's search is faster, and quadratic only for long needles.
  if (needle.size() <= 32) return haystack.find(needle, from);
  if (from > haystack.size() || haystack.size() - from < needle.size()) {
    return std::string_view::npos;
  }
  return search_kmp(haystack, needle, from);
}

size_t rfind_bytes(std::string_view haystack, std::string_view needle) {
  if (needle.size() <= 32) return haystack.rfind(needle);
  if (haystack.size() < needle.size()) return std::string_view::npos;
  const std::string reversed_haystack(haystack.rbegin(), haystack.rend());
  const std::string reversed_needle(needle.rbegin(), needle.rend());
  const size_t at = search_kmp(reversed_haystack, reversed_needle, 0);
  return at == std::string_view::npos ? at : haystack.size() - at - needle.size();
}

std::string replace_text(std::string_view text, std::string_view from, std::string_view to,
                         int64_t count, Runtime& runtime) {
  runtime.spend_scan(text.size());
  runtime.spend_scan(from.size());
  std::string out;
  const size_t max_bytes = runtime.limits().max_string;
  const auto push = [&](std::string_view piece) {
    if (piece.size() > max_bytes - std::min(max_bytes, out.size())) {
      fail(fmt::format("replace makes a string of more than {} bytes", max_bytes));
    }
    runtime.spend_scan(piece.size());
    out += piece;
  };
  size_t position = 0;
  while (count != 0) {
    if (from.empty()) {  // Python puts `to` around every character
      push(to);
      if (position >= text.size()) break;
      size_t next = position;
      next_char(text, next);
      push(text.substr(position, next - position));
      position = next;
    } else {
      const size_t at = find_bytes(text, from, position);
      if (at == std::string_view::npos) break;
      push(text.substr(position, at - position));
      push(to);
      position = at + from.size();
    }
    if (count > 0) --count;
  }
  push(text.substr(std::min(position, text.size())));
  return out;
}

}  // namespace lapidary::jinja
