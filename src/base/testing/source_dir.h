// Where tests and benches find the files that are committed, and what else the build made. Asked at
// run time: compiled in, the checkout's path would make every clone compile every test anew.
//
//   const auto golden = load_json(source_dir() / "tests/golden/sampler.json");
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace lapidary {

// The folder of the running program, in which all programs of a build lie.
inline std::filesystem::path build_dir() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

// The root of the checkout: $LAPIDARY_SOURCE_DIR, or else the nearest folder above the program that
// looks like one. Throws std::runtime_error when there is none.
inline std::filesystem::path source_dir() {
  namespace fs = std::filesystem;
  if (const char* named = std::getenv("LAPIDARY_SOURCE_DIR")) return named;
  for (fs::path folder = build_dir(); folder.has_relative_path(); folder = folder.parent_path()) {
    if (fs::exists(folder / "CMakeLists.txt") && fs::exists(folder / "models/tiny-gemma4")) {
      return folder;
    }
  }
  throw std::runtime_error("no folder above " + build_dir().string() +
                           " is Lapidary's source tree: set LAPIDARY_SOURCE_DIR to it");
}

}  // namespace lapidary
