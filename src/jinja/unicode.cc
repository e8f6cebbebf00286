#include "jinja/unicode.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

namespace lapidary::jinja {
namespace {

struct Run {
  uint32_t first, last, step;
};
struct CaseRun {
  uint32_t first, last, step;
  int32_t delta;
};
struct SpecialCase {
  uint32_t from;
  uint32_t to[3];
};

#include "jinja/unicode_tables.inc"

bool contains(std::span<const Run> table, char32_t c) {
  auto above = std::upper_bound(table.begin(), table.end(), c,
                                [](char32_t v, const Run& run) { return v < run.first; });
  if (above == table.begin()) return false;
  const Run& run = *std::prev(above);
  return c <= run.last && (c - run.first) % run.step == 0;
}

void convert(char32_t c, std::span<const CaseRun> simple, std::span<const SpecialCase> special,
             Text& out) {
  const auto own =
      std::lower_bound(special.begin(), special.end(), c,
                       [](const SpecialCase& row, char32_t v) { return row.from < v; });
  if (own != special.end() && own->from == c) {
    for (uint32_t to : own->to) {
      if (to != 0) out.push_back(to);
    }
    return;
  }
  // Rows are sorted, and of those that begin no later than c only the last can hold it.
  const auto above = std::upper_bound(simple.begin(), simple.end(), c,
                                      [](char32_t v, const CaseRun& row) { return v < row.first; });
  if (above != simple.begin()) {
    const CaseRun& row = *std::prev(above);
    if (c <= row.last && (c - row.first) % row.step == 0) {
      out.push_back(static_cast<char32_t>(static_cast<int64_t>(c) + row.delta));
      return;
    }
  }
  out.push_back(c);
}

void push_upper(char32_t c, Text& out) {
  if (c < 0x80) {
    out.push_back(c >= 'a' && c <= 'z' ? c - 32 : c);
  } else {
    convert(c, kUpper, kUpperSpecial, out);
  }
}

void push_title(char32_t c, Text& out) {
  if (c < 0x80) {
    push_upper(c, out);
  } else {
    convert(c, kTitle, kTitleSpecial, out);
  }
}

bool cased(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_upper(c) || is_lower(c) || is_title(c);
}

// Greek capital sigma becomes the final form at the end of a word.
bool final_sigma(const Text& text, size_t at) {
  return at > 0 && cased(text[at - 1]) && (at + 1 == text.size() || !cased(text[at + 1]));
}

void push_lower(const Text& text, size_t at, Text& out) {
  const char32_t c = text[at];
  if (c < 0x80) {
    out.push_back(c >= 'A' && c <= 'Z' ? c + 32 : c);
  } else if (c == 0x3A3) {
    out.push_back(final_sigma(text, at) ? 0x3C2 : 0x3C3);
  } else {
    convert(c, kLower, kLowerSpecial, out);
  }
}

}  // namespace

size_t count_code_points(std::string_view bytes) {
  return static_cast<size_t>(std::count_if(bytes.begin(), bytes.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0u) != 0x80;
  }));
}

Text decode(std::string_view bytes) {
  Text out;
  out.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size();) out.push_back(next_char(bytes, i));
  return out;
}

std::string encode(const Text& text) {
  std::string out;
  out.reserve(text.size());
  for (char32_t c : text) append_utf8(out, c);
  return out;
}

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_line_end(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool is_alpha(char32_t c) { return contains(kAlpha, c); }
bool is_decimal(char32_t c) { return contains(kDecimal, c); }
bool is_digit(char32_t c) { return contains(kDigit, c); }
bool is_numeric(char32_t c) { return contains(kNumeric, c); }
bool is_alnum(char32_t c) { return is_alpha(c) || is_numeric(c); }
bool is_upper(char32_t c) { return c < 0x80 ? c >= 'A' && c <= 'Z' : contains(kUpperProperty, c); }
bool is_lower(char32_t c) { return c < 0x80 ? c >= 'a' && c <= 'z' : contains(kLowerProperty, c); }
bool is_title(char32_t c) { return contains(kTitleProperty, c); }
bool is_printable(char32_t c) { return !contains(kUnprintable, c); }

Text upper(const Text& text) {
  Text out;
  for (char32_t c : text) push_upper(c, out);
  return out;
}

Text lower(const Text& text) {
  Text out;
  for (size_t i = 0; i < text.size(); ++i) push_lower(text, i, out);
  return out;
}

Text capitalize(const Text& text) {
  Text out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 0) {
      push_title(text[i], out);
    } else {
      push_lower(text, i, out);
    }
  }
  return out;
}

Text title(const Text& text) {
  Text out;
  bool after_cased = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (after_cased) {
      push_lower(text, i, out);
    } else {
      push_title(text[i], out);
    }
    after_cased = cased(text[i]);
  }
  return out;
}

bool all_upper(const Text& text) {
  return std::any_of(text.begin(), text.end(), is_upper) &&
         std::none_of(text.begin(), text.end(),
                      [](char32_t c) { return is_lower(c) || is_title(c); });
}

bool all_lower(const Text& text) {
  return std::any_of(text.begin(), text.end(), is_lower) &&
         std::none_of(text.begin(), text.end(),
                      [](char32_t c) { return is_upper(c) || is_title(c); });
}

namespace {

template <typename Drop>
std::string_view strip_if(std::string_view bytes, Ends ends, Drop drop) {
  size_t begin = 0;
  size_t end = bytes.size();
  while (ends != Ends::kRight && begin < end) {
    size_t next = begin;
    if (!drop(next_char(bytes, next))) break;
    begin = next;
  }
  while (ends != Ends::kLeft && end > begin) {
    size_t start = end - 1;
    while (start > begin && (static_cast<unsigned char>(bytes[start]) & 0xC0u) == 0x80) --start;
    size_t next = start;
    if (!drop(next_char(bytes, next))) break;
    end = start;
  }
  return bytes.substr(begin, end - begin);
}

}  // namespace

std::string_view strip(std::string_view bytes, Ends ends) {
  return strip_if(bytes, ends, is_space);
}

std::string_view strip(std::string_view bytes, const Text& chars, Ends ends) {
  constexpr size_t kFew = 16;
  if (chars.size() <= kFew) {
    return strip_if(bytes, ends, [&](char32_t c) { return chars.find(c) != Text::npos; });
  }
  // A table of all code points, so that the time is not the product of both lengths.
  std::vector<bool> among(0x110000, false);
  for (char32_t c : chars) among[c] = true;
  return strip_if(bytes, ends, [&](char32_t c) { return among[c]; });
}

}  // namespace lapidary::jinja
