#include "base/open_beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

namespace lapidary {
namespace {

// The kernel gives up with EAGAIN when something is renamed anywhere while it looks at "..".
constexpr int kMostTries = 100;

bool is_link(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISLNK(info.st_mode);
}

}  // namespace

Opened open_without_links(int folder, const std::string& relative, int flags) {
  std::vector<std::string> names;
  if (std::filesystem::path(relative).is_absolute()) return {FileHandle(), kLeadsOut};
  for (const auto& name : std::filesystem::path(relative)) {
    if (name == "..") return {FileHandle(), kLeadsOut};
    if (!name.empty() && name != ".") names.push_back(name.string());
  }
  if (names.empty()) return {FileHandle(), EISDIR};
  FileHandle at;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool last = i + 1 == names.size();
    const int how = last ? flags : O_PATH;
    // With O_PATH a link is opened itself instead of refused.
    FileHandle next(
        ::openat(i == 0 ? folder : at.fd(), names[i].c_str(), how | O_NOFOLLOW | O_CLOEXEC));
    if (!next.is_open()) return {FileHandle(), errno == ELOOP ? kLeadsOut : errno};
    if (is_link(next.fd())) return {FileHandle(), kLeadsOut};
    at = std::move(next);
  }
  return {std::move(at), 0};
}

Opened open_beneath(int folder, const std::string& relative, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0; tries < kMostTries; ++tries) {
    const auto fd = ::syscall(SYS_openat2, folder, relative.c_str(), &how, sizeof how);
    if (fd >= 0) return {FileHandle(static_cast<int>(fd)), 0};
    if (errno == EAGAIN || errno == EINTR) continue;
    // Filters of system calls that do not know it say EPERM.
    if (errno == ENOSYS || errno == EPERM) return open_without_links(folder, relative, flags);
    return {FileHandle(), errno == ELOOP ? kLeadsOut : errno};
  }
  return {FileHandle(), EAGAIN};
}

}  // namespace lapidary
