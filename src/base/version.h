// The version of this program, as `lapidary --version`, package manifests and CMake (which reads
// this file) give it.
#pragma once

namespace lapidary {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace lapidary
