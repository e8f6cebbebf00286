// The version of this program, as `lapidary --version` and package manifests give it. Same as the
// project's version in CMakeLists.txt.
#pragma once

namespace lapidary {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace lapidary
