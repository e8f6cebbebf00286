// A read-only memory-mapped file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/guarded_mapping.h"
#include "base/input_file.h"
#include "base/result.h"

namespace lapidary {

class MappedFile {
 public:
  // Errors: those of InputFile::open, and what cannot be mapped. An empty file maps to an empty
  // span.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return file_.path(); }
  // Who uses them asks intact() before believing what was read.
  std::span<const std::byte> bytes() const { return {data_, file_.size()}; }
  // An error (kIo) when zeros were read in place of bytes that are not there any more: the file got
  // shorter, or the disk fails. Only where guard_mappings() was called; elsewhere touching such
  // bytes ends the process.
  Status intact() const;

  // Copies the bytes at `offset`, out.size() of them. What is copied is never mapped, so however
  // much is read in turn, the process holds no more than `out`; and where the disk fails, or the
  // file got shorter, this is an error (kIo) at once.
  Status read(size_t offset, std::span<std::byte> out) const { return file_.read(offset, out); }

  // Tells the kernel that [offset, offset + length) is read next, and nothing around it: a sample
  // of a large file. Without this, touching it reads megabytes.
  void prefetch(size_t offset, size_t length) const;

  // Tells the kernel that [offset, offset + length) was consumed, so that its pages, and those that
  // the kernel mapped along with them, stop counting against this process. All of them may be
  // touched again; they are mapped anew then.
  void release(size_t offset, size_t length) const;

 private:
  MappedFile(InputFile file, const std::byte* data);

  void advise(size_t offset, size_t length, size_t unit, int advice) const;

  InputFile file_;
  const std::byte* data_;
  std::optional<GuardedMapping> guard_;  // none of an empty file
};

}  // namespace lapidary
