#include "crash/tree.h"

#include <fstream>
#include <iterator>

namespace lapidary::crash {
namespace {

namespace fs = std::filesystem;

bool is_in(const std::string& path, const std::string& name) {
  return path == name || path.compare(0, name.size() + 1, name + "/") == 0;
}

}  // namespace

Tree read_tree(const fs::path& folder) {
  Tree out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    if (entry.is_symlink()) {
      out[name] = kLinkMark + fs::read_symlink(entry.path()).string();
    } else if (entry.is_directory()) {
      out[name + "/"] = "";
    } else {
      std::ifstream in(entry.path(), std::ios::binary);
      out[name].assign(std::istreambuf_iterator<char>(in), {});
    }
  }
  return out;
}

void write_tree(const Tree& tree, const fs::path& folder) {
  const std::string mark = kLinkMark;
  for (const auto& [name, content] : tree) {  // in order: folders before what is in them
    const fs::path path = folder / name;
    if (name.back() == '/') {
      fs::create_directories(path);
    } else if (content.compare(0, mark.size(), mark) == 0) {
      fs::create_symlink(content.substr(mark.size()), path);
    } else {
      std::ofstream(path, std::ios::binary)
          .write(content.data(), static_cast<std::streamsize>(content.size()));
    }
  }
}

Tree part(const Tree& tree, const std::vector<std::string>& names) {
  Tree out;
  for (const auto& [path, content] : tree) {
    for (const std::string& name : names) {
      if (is_in(path, name)) out[path] = content;
    }
  }
  return out;
}

std::string difference(const Tree& expected, const Tree& found) {
  for (const auto& [path, content] : expected) {
    const auto it = found.find(path);
    if (it == found.end()) return path + " is missing";
    if (it->second == content) continue;
    if (it->second.size() != content.size()) {
      return path + " has " + std::to_string(it->second.size()) + " bytes, not " +
             std::to_string(content.size());
    }
    return path + " has other bytes";
  }
  for (const auto& [path, content] : found) {
    if (!expected.contains(path)) return path + " is one too many";
  }
  return "";
}

}  // namespace lapidary::crash
