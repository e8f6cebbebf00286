#include "base/mapped_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace lapidary {
namespace {

// fault_around_bytes, as kernels have it unless someone changes it.
constexpr size_t kMappedAtOnce = 64 << 10;

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  const auto failure = [&] {
    return io_error(path.string(), std::generic_category().message(errno));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failure();
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    Error error = failure();
    ::close(fd);
    return error;
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return io_error(path.string(), "is not a regular file");
  }
  const auto size = static_cast<size_t>(info.st_size);
  void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
      Error error = failure();
      ::close(fd);
      return error;
    }
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, fd, static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
  ::close(fd_);
}

Status MappedFile::read(size_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path_.string(), std::generic_category().message(errno));
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

void MappedFile::prefetch(size_t offset, size_t length) const {
  advise(offset, length, 1, MADV_WILLNEED);
}

void MappedFile::release(size_t offset, size_t length) const {
  // Where a page is touched, the kernel maps what it has of the 16 around it too. Ranges seldom end
  // at such a border, so what lies between them would belong to no release and stay.
  advise(offset, length, kMappedAtOnce, MADV_DONTNEED);
}

// Widened to whole pages, and to multiples of `unit` in memory.
void MappedFile::advise(size_t offset, size_t length, size_t unit, int advice) const {
  if (length == 0 || offset >= size_) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto base = reinterpret_cast<uintptr_t>(data_);
  const uintptr_t step = std::max<uintptr_t>(unit, page);
  const uintptr_t begin = std::max(base, (base + offset) / step * step);
  const uintptr_t end = std::min(base + size_, (base + offset + length + step - 1) / step * step);
  ::madvise(const_cast<std::byte*>(data_) + (begin - base), end - begin, advice);
}

}  // namespace lapidary
