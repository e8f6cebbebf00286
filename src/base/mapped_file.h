// A read-only memory-mapped file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "base/result.h"

namespace lapidary {

class MappedFile {
 public:
  // Errors: the file is missing, unreadable, a directory, or cannot be mapped. An empty file maps
  // to an empty span.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Copies the bytes at `offset`, out.size() of them. What is copied is never mapped, so however
  // much is read in turn, the process holds no more than `out`; and where the disk fails, or the
  // file got shorter, this is an error (kIo), while touching bytes() ends the process.
  Status read(size_t offset, std::span<std::byte> out) const;

  // Tells the kernel that [offset, offset + length) is read next, and nothing around it: a sample
  // of a large file. Without this, touching it reads megabytes.
  void prefetch(size_t offset, size_t length) const;

  // Tells the kernel that [offset, offset + length) was consumed, so that its pages, and those that
  // the kernel mapped along with them, stop counting against this process. All of them may be
  // touched again; they are mapped anew then.
  void release(size_t offset, size_t length) const;

 private:
  MappedFile(std::filesystem::path path, int fd, const std::byte* data, size_t size)
      : path_(std::move(path)), fd_(fd), data_(data), size_(size) {}

  void advise(size_t offset, size_t length, size_t unit, int advice) const;

  std::filesystem::path path_;
  int fd_;
  const std::byte* data_;
  size_t size_;
};

}  // namespace lapidary
