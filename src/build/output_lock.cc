#include "build/output_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "base/files.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "publishing\n";
// Between our open and our lock the holder may remove the file; how often in a row, at most.
constexpr int kLockAttempts = 100;

Error foreign_lock(const fs::path& path) {
  return bad_input(path.string(), "is in the way, and no build left it", "move it away");
}

}  // namespace

Result<OutputLock> OutputLock::take(const fs::path& output, const Error& busy) {
  const fs::path path =
      output.parent_path() / ("." + output.filename().string() + ".lapidary-lock");
  for (int attempt = 0; attempt < kLockAttempts; ++attempt) {
    FileHandle file(::open(
        path.c_str(), O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
    if (!file.is_open()) {
      const int code = errno;
      if (code == ELOOP || code == EISDIR || code == ENXIO) return foreign_lock(path);
      return system_error(is_there(path) ? path : fs::path(busy.where), code);
    }
    if (::flock(file.fd(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return busy;
    // Somebody may have removed the file meanwhile.
    if (!is_same(file, AT_FDCWD, path.string())) continue;
    OutputLock lock(path, std::move(file));
    if (Status status = lock.read_mark(); !status.ok()) {
      lock.file_ = FileHandle();  // and not removed
      return status.take_error();
    }
    return lock;
  }
  return busy;
}

OutputLock& OutputLock::operator=(OutputLock&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(publishing_, other.publishing_);
  std::swap(leaves_file_, other.leaves_file_);
  return *this;
}

OutputLock::~OutputLock() {
  if (!file_.is_open() || leaves_file_) return;
  // While it is locked: nobody who waits for the name can be given this file.
  if (is_same(file_, AT_FDCWD, path_.string())) ::unlink(path_.c_str());
}

Status OutputLock::read_mark() {
  struct stat info {};
  if (::fstat(file_.fd(), &info) != 0) return system_error(path_, errno);
  if (!S_ISREG(info.st_mode)) return foreign_lock(path_);
  std::array<char, kMark.size() + 1> buffer{};
  const ssize_t count = ::pread(file_.fd(), buffer.data(), buffer.size(), 0);
  if (count < 0) return system_error(path_, errno);
  const std::string_view text(buffer.data(), static_cast<size_t>(count));
  // A machine that lost power may have kept a part of the mark.
  if (!kMark.starts_with(text)) return foreign_lock(path_);
  publishing_ = text == kMark;
  return {};
}

Status OutputLock::mark_publishing() {
  const ssize_t count = ::pwrite(file_.fd(), kMark.data(), kMark.size(), 0);
  if (count < 0) return system_error(path_, errno);
  if (static_cast<size_t>(count) != kMark.size()) return system_error(path_, ENOSPC);
  LAP_RETURN_IF_ERROR(flush_to_disk(file_, path_));
  publishing_ = true;
  return sync_directory(path_.parent_path().empty() ? "." : path_.parent_path());
}

Status OutputLock::clear_mark() {
  if (::ftruncate(file_.fd(), 0) != 0) return system_error(path_, errno);
  publishing_ = false;
  return {};
}

}  // namespace lapidary::build
