// Bytes in memory with a position, for libraries that read through callbacks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace lapidary::media {

class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::byte> bytes) : MemoryFile(std::vector{bytes}) {}
  // One file of several pieces, in order.
  explicit MemoryFile(std::vector<std::span<const std::byte>> pieces) : pieces_(std::move(pieces)) {
    for (const auto& piece : pieces_) size_ += static_cast<int64_t>(piece.size());
  }

  int64_t size() const { return size_; }
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
    const int64_t total = std::clamp<int64_t>(count, 0, size() - at_);
    auto* to = static_cast<std::byte*>(out);
    int64_t begin = 0;  // of the piece
    int64_t left = total;
    for (const auto& piece : pieces_) {
      const auto length = static_cast<int64_t>(piece.size());
      const int64_t n = std::clamp<int64_t>(begin + length - at_, 0, left);
      if (n > 0) {
        std::memcpy(to, piece.data() + (at_ - begin), static_cast<size_t>(n));
        to += n;
        at_ += n;
        left -= n;
      }
      begin += length;
    }
    return total;
  }

 private:
  std::vector<std::span<const std::byte>> pieces_;
  int64_t size_ = 0;
  int64_t at_ = 0;
};

// What a library was given to hand back to its callbacks.
inline MemoryFile& memory_file(void* user) { return *static_cast<MemoryFile*>(user); }

}  // namespace lapidary::media
