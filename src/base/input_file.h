// A file that is read. All files that someone gives us are opened here: a pipe in the place of a
// file would wait for a writer for ever, a device may never end, so neither is opened.
//
//   LAP_ASSIGN_OR_RETURN(const InputFile file, InputFile::open(path));
//   std::vector<std::byte> head(std::min<size_t>(file.size(), 64));
//   LAP_RETURN_IF_ERROR(file.read(0, head));
//
// Small files are read whole: read_file. Large ones are mapped: mapped_file.h.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace lapidary {

class InputFile {
 public:
  // Links are followed. Errors (kIo): the file is missing or unreadable; it is a pipe, a socket, a
  // device or a folder.
  static Result<InputFile> open(const std::filesystem::path& path);
  // A file that is open for reading, and stays its owner's; `path` is for messages.
  static Result<InputFile> of(int fd, const std::filesystem::path& path);

  InputFile(InputFile&& other) noexcept;
  ~InputFile();
  InputFile& operator=(InputFile&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  size_t size() const { return size_; }  // in bytes, when it was opened
  int descriptor() const { return fd_; }

  // The bytes at `offset`, out.size() of them. Errors (kIo): the disk fails; the file got shorter.
  Status read(size_t offset, std::span<std::byte> out) const;
  // All size() bytes.
  Result<std::string> read_all() const;
  // What to say when its bytes are not there any more.
  Error lost_bytes() const;

 private:
  static Result<InputFile> regular(InputFile file);  // with its size, or what else it is

  InputFile(std::filesystem::path path, int fd, size_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}

  std::filesystem::path path_;
  int fd_;
  size_t size_;
};

// The whole file, which may have `max_bytes`. Errors: those of InputFile::open and read; kBadInput
// for a larger one, naming both sizes, before any memory is taken for it.
Result<std::string> read_file(const std::filesystem::path& path, uint64_t max_bytes);

// "is 300 bytes, more than the 200 a file of this kind may have" (kBadInput).
Error too_large(const std::string& where, uint64_t bytes, uint64_t max_bytes);

// "is not a regular file but a pipe", of stat's mode.
std::string not_regular_text(mode_t mode);

}  // namespace lapidary
