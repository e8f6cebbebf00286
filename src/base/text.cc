#include "base/text.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace lapidary {

std::string fixed(double value, int decimals) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  return buffer.data();
}

std::string human_bytes(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fixed(value / 1e9, 1) + " GB";
  if (bytes >= 1'000'000) return fixed(value / 1e6, 1) + " MB";
  if (bytes >= 1'000) return fixed(value / 1e3, 1) + " kB";
  return std::to_string(bytes) + " B";
}

std::string human_seconds(double seconds) {
  if (seconds < 60) return fixed(seconds, 1) + " s";
  const auto whole = std::llround(seconds);
  return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

}  // namespace lapidary
