#include "text/character_class.h"

#include <algorithm>
#include <iterator>

namespace lapidary::text {
namespace {

struct Range {
  char32_t first, last;
};

// Made by tests/oracle/make_word_ranges.py.
constexpr Range kWordRanges[] = {
#include "text/word_ranges.inc"
};

}  // namespace

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

bool is_word(char32_t c) {
  const Range* after = std::upper_bound(std::begin(kWordRanges), std::end(kWordRanges), c,
                                        [](char32_t v, const Range& r) { return v < r.first; });
  return after != std::begin(kWordRanges) && c <= std::prev(after)->last;
}

}  // namespace lapidary::text
