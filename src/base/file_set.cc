#include "base/file_set.h"

#include <fmt/core.h>

#include <span>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/input_file.h"
#include "base/mapped_file.h"

namespace lapidary {

void FileSet::replace(const std::string& name, std::string text, std::string where) {
  texts_[name] = std::move(text);
  replaced_[name] = std::move(where);
}

const std::string* FileSet::text(const std::string& name) const {
  const auto it = texts_.find(name);
  return it == texts_.end() ? nullptr : &it->second;
}

bool FileSet::has(const std::string& name) const {
  if (text(name) != nullptr) return true;
  if (folder_.empty()) return false;
  std::error_code ignored;
  return std::filesystem::exists(folder_ / name, ignored);
}

std::string FileSet::where(const std::string& name) const {
  if (const auto it = replaced_.find(name); it != replaced_.end()) return it->second;
  return folder_.empty() ? fmt::format("{}: {}", origin_, name) : (folder_ / name).string();
}

uint64_t FileSet::size(const std::string& name) const {
  if (const std::string* text = this->text(name)) return text->size();
  if (folder_.empty()) return 0;
  std::error_code problem;
  const uintmax_t size = std::filesystem::file_size(folder_ / name, problem);
  return problem ? 0 : size;
}

Error FileSet::missing(const std::string& name) const {
  return bad_input(where(name), "is missing");
}

Result<std::string> FileSet::read(const std::string& name, uint64_t max_bytes) const {
  if (const std::string* text = this->text(name)) return *text;
  if (folder_.empty()) return missing(name);
  return read_file(folder_ / name, max_bytes);
}

Result<JsonDocument> FileSet::document(const std::string& name) const {
  if (const std::string* text = this->text(name)) return JsonDocument::parse(*text, where(name));
  if (folder_.empty()) return missing(name);
  return JsonDocument::load(folder_ / name);
}

Status FileSet::with_bytes(const std::string& name,
                           const std::function<Status(std::string_view)>& use) const {
  if (const std::string* text = this->text(name)) return use(*text);
  if (folder_.empty()) return missing(name);
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(folder_ / name));
  const std::span<const std::byte> bytes = file->bytes();
  Status used = use({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  LAP_RETURN_IF_ERROR(file->intact());
  return used;
}

Status FileSet::copy(const std::string& name, const std::filesystem::path& to) const {
  if (const std::string* text = this->text(name)) return write_file(to, *text);
  if (folder_.empty()) return missing(name);
  return lapidary::copy_file(folder_ / name, to);
}

}  // namespace lapidary
