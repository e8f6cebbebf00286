// Numbers to text under a width, a precision and flags; shared by both kinds of format.
#pragma once

#include <optional>
#include <string>

#include "jinja/value.h"

namespace lapidary::jinja {

struct NumberStyle {
  char type = 'd';  // d x X o b c e E f F g G %
  std::optional<int> precision;
  bool alternate = false;  // '#': 0x, 0o, 0b in front
  char sign = '-';         // '+', ' ' or '-': only for negatives
  char group = 0;          // ',' or '_' between thousands
};

// The sign (and prefix) apart from the digits, so that zeros can be put between them.
struct NumberText {
  std::string sign;
  std::string digits;
};
NumberText format_integer(int64_t value, const NumberStyle& style);
NumberText format_float(double value, const NumberStyle& style);

// Field width and precision are bounded by this.
constexpr int kMaxFormatWidth = 10000;
constexpr int kMaxPrecision = 300;

// Pads with `fill` (a code point as UTF-8) to `width` code points; align is one of < > ^ =.
std::string pad(const std::string& sign, const std::string& body, int width, char align,
                const std::string& fill);

}  // namespace lapidary::jinja
