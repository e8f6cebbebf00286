#include "base/file_set.h"

#include <fmt/core.h>

#include <system_error>

#include "base/files.h"
#include "base/input_file.h"

namespace lapidary {

bool FileSet::has(const std::string& name) const {
  if (folder_.empty()) return texts_.contains(name);
  std::error_code ignored;
  return std::filesystem::exists(folder_ / name, ignored);
}

std::string FileSet::where(const std::string& name) const {
  return folder_.empty() ? fmt::format("{}: {}", origin_, name) : (folder_ / name).string();
}

uint64_t FileSet::size(const std::string& name) const {
  if (folder_.empty()) {
    const auto it = texts_.find(name);
    return it == texts_.end() ? 0 : it->second.size();
  }
  std::error_code problem;
  const uintmax_t size = std::filesystem::file_size(folder_ / name, problem);
  return problem ? 0 : size;
}

Result<std::string> FileSet::read(const std::string& name, uint64_t max_bytes) const {
  if (!folder_.empty()) return read_file(folder_ / name, max_bytes);
  const auto it = texts_.find(name);
  if (it == texts_.end()) return bad_input(where(name), "is missing");
  return it->second;
}

Result<JsonDocument> FileSet::document(const std::string& name) const {
  if (!folder_.empty()) return JsonDocument::load(folder_ / name);
  LAP_ASSIGN_OR_RETURN(const std::string text, read(name));
  return JsonDocument::parse(text, where(name));
}

Status FileSet::copy(const std::string& name, const std::filesystem::path& to) const {
  if (!folder_.empty()) return lapidary::copy_file(folder_ / name, to);
  LAP_ASSIGN_OR_RETURN(const std::string text, read(name));
  return write_file(to, text);
}

}  // namespace lapidary
