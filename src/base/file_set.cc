#include "base/file_set.h"

#include <fmt/core.h>

#include <span>
#include <system_error>

#include "base/files.h"
#include "base/input_file.h"
#include "base/mapped_file.h"

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

Error FileSet::missing(const std::string& name) const {
  return bad_input(where(name), "is missing");
}

Result<std::string> FileSet::read(const std::string& name, uint64_t max_bytes) const {
  if (!folder_.empty()) return read_file(folder_ / name, max_bytes);
  const auto it = texts_.find(name);
  if (it == texts_.end()) return missing(name);
  return it->second;
}

Result<JsonDocument> FileSet::document(const std::string& name) const {
  if (!folder_.empty()) return JsonDocument::load(folder_ / name);
  LAP_ASSIGN_OR_RETURN(const std::string text, read(name));
  return JsonDocument::parse(text, where(name));
}

Status FileSet::with_bytes(const std::string& name,
                           const std::function<Status(std::string_view)>& use) const {
  if (!folder_.empty()) {
    LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(folder_ / name));
    const std::span<const std::byte> bytes = file->bytes();
    Status used = use({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    LAP_RETURN_IF_ERROR(file->intact());
    return used;
  }
  const auto it = texts_.find(name);
  return it == texts_.end() ? Status(missing(name)) : use(it->second);
}

Status FileSet::copy(const std::string& name, const std::filesystem::path& to) const {
  if (!folder_.empty()) return lapidary::copy_file(folder_ / name, to);
  LAP_ASSIGN_OR_RETURN(const std::string text, read(name));
  return write_file(to, text);
}

}  // namespace lapidary
