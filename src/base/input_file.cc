#include "base/input_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace lapidary {
namespace {

Error read_error(const std::filesystem::path& path, int code) {
  return io_error(path.string(), std::generic_category().message(code));
}

Error not_regular(const std::filesystem::path& path, mode_t mode) {
  return io_error(path.string(), not_regular_text(mode));
}

}  // namespace

std::string not_regular_text(mode_t mode) {
  std::string what = "is not a regular file";
  if (S_ISFIFO(mode)) what += " but a pipe";
  if (S_ISSOCK(mode)) what += " but a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) what += " but a device";
  if (S_ISDIR(mode)) what += " but a folder";
  return what;
}

Result<InputFile> InputFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: a pipe that nobody writes to is opened at once; it has no effect on files.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    const int code = errno;
    struct stat info {};
    // Sockets cannot be opened, nor devices that are not there.
    if (code == ENXIO && ::stat(path.c_str(), &info) == 0) return not_regular(path, info.st_mode);
    return read_error(path, code);
  }
  return regular(InputFile(path, fd, 0));
}

Result<InputFile> InputFile::of(int fd, const std::filesystem::path& path) {
  const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return read_error(path, errno);
  return regular(InputFile(path, own, 0));
}

Result<InputFile> InputFile::regular(InputFile file) {
  struct stat info {};
  if (::fstat(file.fd_, &info) != 0) return read_error(file.path_, errno);
  if (!S_ISREG(info.st_mode)) return not_regular(file.path_, info.st_mode);
  file.size_ = static_cast<size_t>(info.st_size);
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status InputFile::read(size_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return read_error(path_, errno);
    if (n == 0) {
      return io_error(path_.string(),
                      fmt::format("ends at byte {}, before its {} bytes", offset, size_),
                      "it was changed while it was read: start again");
    }
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<size_t>(n);
  }
  return {};
}

Result<std::string> InputFile::read_all() const {
  std::string out(size_, '\0');
  LAP_RETURN_IF_ERROR(read(0, std::as_writable_bytes(std::span(out))));
  return out;
}

Error InputFile::lost_bytes() const {
  struct stat info {};
  const bool known = ::fstat(fd_, &info) == 0;
  if (known && info.st_size >= 0 && static_cast<size_t>(info.st_size) < size_) {
    return io_error(path_.string(),
                    fmt::format("got shorter while it was read: it had {} bytes and has {}", size_,
                                info.st_size),
                    "it was changed while it was read: start again");
  }
  return io_error(path_.string(), "a part of it cannot be read",
                  "it was changed while it was read, or the disk fails: look at `dmesg`");
}

Result<std::string> read_file(const std::filesystem::path& path, uint64_t max_bytes) {
  LAP_ASSIGN_OR_RETURN(const InputFile file, InputFile::open(path));
  if (file.size() > max_bytes) return too_large(path.string(), file.size(), max_bytes);
  return file.read_all();
}

Error too_large(const std::string& where, uint64_t bytes, uint64_t max_bytes) {
  return bad_input(where, fmt::format("is {} bytes, more than the {} a file of this kind may have",
                                      bytes, max_bytes));
}

}  // namespace lapidary
