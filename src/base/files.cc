#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <span>
#include <system_error>

#include "base/folder_handle.h"
#include "base/input_file.h"

namespace lapidary {
namespace {

// Written between two looks at the token.
constexpr size_t kPieceBytes = size_t{4} << 20;

// Read, never mapped: a file that gets shorter meanwhile is an error that says so.
Status write_copy(int fd, const InputFile& from, const std::filesystem::path& path,
                  const Work& work) {
  std::string piece(std::min(from.size(), kPieceBytes), '\0');
  for (size_t at = 0; at < from.size(); at += piece.size()) {
    piece.resize(std::min(piece.size(), from.size() - at));
    LAP_RETURN_IF_ERROR(from.read(at, std::as_writable_bytes(std::span(piece))));
    LAP_RETURN_IF_ERROR(write_bytes(fd, piece, path, work));
  }
  return {};
}

// A new file with what `fill` writes to it, on disk; on an error there is none.
Status write_new(const std::filesystem::path& path, const std::function<Status(int fd)>& fill) {
  LAP_RETURN_IF_ERROR(check_output_file(path));
  // O_NONBLOCK: a pipe made since that look is an error as well, and nothing to wait for.
  const int flags = O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0) return system_error(path, errno);
  Status status = fill(fd);
  if (status.ok()) status = sync_file(fd, path);
  if (::close(fd) != 0 && status.ok()) status = system_error(path, errno);
  if (!status.ok()) ::unlink(path.c_str());
  return status;
}

}  // namespace

Error system_error(const std::filesystem::path& path, int code) {
  std::string remedy;
  if (code == ENOSPC || code == EDQUOT) remedy = "free some space, or choose another folder";
  if (code == EFBIG) remedy = "the limit on file sizes is too low: see `ulimit -f`";
  if (code == EACCES || code == EROFS || code == EPERM) remedy = "choose a folder you can write to";
  return io_error(path.string(), std::generic_category().message(code), remedy);
}

Status check_output_file(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode)) return {};
  return bad_input(path.string(), not_regular_text(info.st_mode), "name a file to write");
}

Status write_bytes(int fd, std::string_view bytes, const std::filesystem::path& path,
                   const Work& work) {
  while (!bytes.empty()) {
    if (work.is_cancelled()) return cancelled();
    const ssize_t n = ::write(fd, bytes.data(), std::min(bytes.size(), kPieceBytes));
    if (n < 0) {
      if (errno == EINTR) continue;
      return system_error(path, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(n));
    work.advance(static_cast<uint64_t>(n));
  }
  return {};
}

Status write_file(const std::filesystem::path& path, std::string_view bytes) {
  return write_new(path, [&](int fd) { return write_bytes(fd, bytes, path, {}); });
}

Status replace_file(const std::filesystem::path& path, std::string_view bytes) {
  LAP_RETURN_IF_ERROR(check_output_file(path));
  std::filesystem::path staged = path;
  staged += ".tmp";
  LAP_RETURN_IF_ERROR(write_file(staged, bytes));
  if (::rename(staged.c_str(), path.c_str()) != 0) {
    Error error = system_error(path, errno);
    ::unlink(staged.c_str());
    return error;
  }
  return sync_directory(path.parent_path().empty() ? "." : path.parent_path());
}

Status copy_file(const std::filesystem::path& from, const std::filesystem::path& to,
                 const Work& work) {
  LAP_ASSIGN_OR_RETURN(const InputFile file, InputFile::open(from));
  return write_new(to, [&](int fd) { return write_copy(fd, file, to, work); });
}

Status sync_file(int fd, const std::filesystem::path& path) {
  while (::fdatasync(fd) != 0) {
    if (errno != EINTR) return system_error(path, errno);
  }
  return {};
}

std::filesystem::path absolute_path(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::path out = std::filesystem::absolute(path, ignored).lexically_normal();
  return out.has_filename() ? out : out.parent_path();
}

Status make_folders(const std::filesystem::path& path, unsigned mode,
                    std::vector<std::filesystem::path>& made) {
  std::vector<std::filesystem::path> missing;
  for (std::filesystem::path at = path; !is_there(at) && at.has_relative_path();
       at = at.parent_path()) {
    missing.push_back(at);
  }
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    if (::mkdir(at->c_str(), mode) == 0) {
      made.push_back(*at);
    } else if (errno != EEXIST) {
      return system_error(*at, errno);
    }
  }
  return {};
}

Status sync_directory(const std::filesystem::path& dir) {
  const FileHandle folder(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return system_error(dir, errno);
  return flush_to_disk(folder, dir);
}

}  // namespace lapidary
