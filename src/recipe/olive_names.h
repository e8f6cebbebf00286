// Olive's names for passes that are no passes over graphs here, and how its names compare.
#pragma once

#include <algorithm>
#include <cctype>
#include <string_view>

namespace lapidary::recipe {

inline constexpr const char* kBuilderType = "MobiusBuilder";
inline constexpr const char* kCompileType = "EPContextBinaryGenerator";
inline constexpr const char* kComposeType = "ComposeOnnxModels";

// Olive compares types, and precisions, without regard to case.
inline bool same_type(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

}  // namespace lapidary::recipe
