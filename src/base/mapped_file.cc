#include "base/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace lapidary {
namespace {

// fault_around_bytes, as kernels have it unless someone changes it.
constexpr size_t kMappedAtOnce = 64 << 10;

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(InputFile file, InputFile::open(path));
  void* data = nullptr;
  if (file.size() > 0) {
    data = ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
    if (data == MAP_FAILED) {
      return io_error(path.string(), std::generic_category().message(errno));
    }
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(std::move(file), static_cast<const std::byte*>(data)));
}

MappedFile::MappedFile(InputFile file, const std::byte* data)
    : file_(std::move(file)), data_(data) {
  if (data_ != nullptr) guard_.emplace(data_, file_.size());
}

MappedFile::~MappedFile() {
  guard_.reset();
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), file_.size());
}

Status MappedFile::intact() const {
  return guard_ && guard_->lost() ? Status(file_.lost_bytes()) : Status();
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
  if (length == 0 || offset >= file_.size()) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto base = reinterpret_cast<uintptr_t>(data_);
  const uintptr_t step = std::max<uintptr_t>(unit, page);
  const uintptr_t begin = std::max(base, (base + offset) / step * step);
  const uintptr_t end =
      std::min(base + file_.size(), (base + offset + length + step - 1) / step * step);
  ::madvise(const_cast<std::byte*>(data_) + (begin - base), end - begin, advice);
}

}  // namespace lapidary
