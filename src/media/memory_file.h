// Bytes in memory with a position, for libraries that read through callbacks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>

namespace lapidary::media {

class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  int64_t size() const { return static_cast<int64_t>(bytes_.size()); }
  int64_t tell() const { return at_; }

  // As lseek; -1, and no move, for a place outside of the file: offsets come from it, too.
  int64_t seek(int64_t offset, int whence) {
    const int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? at_ : size();
    if (offset < -base || offset > size() - base) return -1;
    at_ = base + offset;
    return at_;
  }

  // The number of bytes copied, less than `count` at the end.
  int64_t read(void* out, int64_t count) {
    const int64_t n = std::clamp<int64_t>(count, 0, size() - at_);
    if (n > 0) std::memcpy(out, bytes_.data() + at_, static_cast<size_t>(n));
    at_ += n;
    return n;
  }

 private:
  std::span<const std::byte> bytes_;
  int64_t at_ = 0;
};

// What a library was given to hand back to its callbacks.
inline MemoryFile& memory_file(void* user) { return *static_cast<MemoryFile*>(user); }

}  // namespace lapidary::media
