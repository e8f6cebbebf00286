#include "base/text.h"

#include <fmt/core.h>

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
  if (seconds < 59.95) return fixed(seconds, 1) + " s";  // half a tenth more would be shown as 60.0
  const auto whole = std::llround(seconds);
  const auto minutes = whole / 60;
  if (minutes < 60) return std::to_string(minutes) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

std::string counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace lapidary
