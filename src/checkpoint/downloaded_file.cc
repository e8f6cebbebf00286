#include "checkpoint/downloaded_file.h"

#include <fmt/core.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>

#include "base/input_file.h"

namespace lapidary::checkpoint {
namespace {

// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
constexpr std::string_view kLfsPointer = "version https://git-lfs.github.com/spec/v1";
constexpr const char* kAria2 = ".aria2";
// Of huggingface_hub, Firefox and others, Chromium, Safari, aria2.
constexpr std::array kUnfinished = {".incomplete", ".part", ".crdownload", ".download", kAria2};

constexpr const char* kFinishDownload = "finish the download";

std::filesystem::path beside(const std::filesystem::path& path, const char* suffix) {
  std::filesystem::path out = path;
  out += suffix;
  return out;
}

bool lies_at(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

bool is_lfs_pointer(const std::filesystem::path& path) {
  const auto file = InputFile::open(path);
  if (!file.ok() || file->size() < kLfsPointer.size()) return false;
  std::string head(kLfsPointer.size(), '\0');
  return file->read(0, std::as_writable_bytes(std::span(head))).ok() && head == kLfsPointer;
}

}  // namespace

Status check_downloaded(const std::filesystem::path& path) {
  if (is_lfs_pointer(path)) {
    return bad_input(path.string(), "is a Git LFS pointer in the place of the file",
                     "run git lfs pull in its folder");
  }
  if (const auto rest = beside(path, kAria2); lies_at(rest)) {
    return bad_input(
        path.string(),
        fmt::format("is not downloaded whole: '{}' lies beside it", rest.filename().string()),
        kFinishDownload);
  }
  return {};
}

std::string unfinished_download(const std::filesystem::path& path) {
  for (const char* suffix : kUnfinished) {
    if (const auto rest = beside(path, suffix); lies_at(rest)) return rest.filename().string();
  }
  return {};
}

Error missing_file(const std::filesystem::path& path, const std::string& what,
                   const std::string& remedy) {
  if (const std::string rest = unfinished_download(path); !rest.empty()) {
    return bad_input(path.string(), fmt::format("{}; '{}' lies beside it", what, rest),
                     kFinishDownload);
  }
  std::error_code problem;
  if (const auto target = std::filesystem::read_symlink(path, problem); !problem) {
    return bad_input(
        path.string(),
        fmt::format("{}: it is a link to '{}', which is not there", what, target.string()), remedy);
  }
  return bad_input(path.string(), what, remedy);
}

}  // namespace lapidary::checkpoint
