// For tests: a temporary directory, small safetensors files, damaged on demand.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "base/json.h"
#include "base/testing/source_dir.h"

namespace lapidary::checkpoint {

class TempDir {
 public:
  TempDir() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("lapidary-checkpoint-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  std::filesystem::path write(const std::string& name, const Json& json) const {
    return write(name, json.dump());
  }

  // What is in it, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      out.push_back(entry.path().filename().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(uint64_t{header.size()} >> (8 * i) & 0xff);
  return out + header + data;
}

inline std::filesystem::path tiny_checkpoint() {
  return source_dir() / "models/tiny-gemma4/checkpoint";
}

// The tiny checkpoint, file by file linked (not copied), for tests that replace one of them.
inline void link_tiny_checkpoint(const TempDir& dir) {
  for (const auto& file : std::filesystem::directory_iterator(tiny_checkpoint())) {
    std::filesystem::create_symlink(file.path(), dir.path() / file.path().filename());
  }
}

// Writes `content` in place of a linked file.
inline void replace(const TempDir& dir, const std::string& name, const std::string& content) {
  std::filesystem::remove(dir.path() / name);
  dir.write(name, content);
}

// The same of JSON, changed.
inline void edit_json(const TempDir& dir, const std::string& name,
                      const std::function<void(Json&)>& change) {
  Json json = load_json(dir.path() / name).value();
  change(json);
  replace(dir, name, json.dump());
}

}  // namespace lapidary::checkpoint
