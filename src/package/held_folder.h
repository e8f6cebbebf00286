// A package's folder, held open. A build replaces a package by exchanging its whole folder, so
// that its path names another folder from one moment to the next; what is held stays the folder
// that was opened, and its number cannot be given to another one meanwhile.
//
//   LAP_ASSIGN_OR_RETURN(const auto folder, HeldFolder::open("tiny-int4"));
//   LAP_ASSIGN_OR_RETURN(const HeldFile file, folder->open_file("tokenizer.json"));
//   if (!folder->is_still_at("tiny-int4")) return refusal();
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/folder_handle.h"
#include "base/result.h"

namespace lapidary::package {

// Tells a file from another one of its name, and from itself before it was written to.
struct FileIdentity {
  uint64_t device = 0, inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;  // since 1970
  bool operator==(const FileIdentity&) const = default;
};

struct HeldFile {
  FileHandle handle;
  FileIdentity identity;
};

class HeldFolder {
 public:
  // Errors: kIo when it is no folder, or cannot be opened.
  static Result<std::shared_ptr<const HeldFolder>> open(const std::filesystem::path& dir);

  // Opens a regular file below the folder for reading. Errors name it by the path that the folder
  // was opened by: kBadInput when it is missing, or when a link leads out of the folder
  // (base/open_beneath.h); kIo when it is no regular file or cannot be read.
  Result<HeldFile> open_file(const std::string& relative) const;
  // The same without reading rights, for its identity alone.
  Result<FileIdentity> identity(const std::string& relative) const;

  // Whether `dir` names this folder.
  bool is_still_at(const std::filesystem::path& dir) const;
  int fd() const { return handle_.fd(); }

 private:
  HeldFolder(std::filesystem::path dir, FileHandle handle)
      : dir_(std::move(dir)), handle_(std::move(handle)) {}
  Result<HeldFile> open_file(const std::string& relative, int flags) const;

  std::filesystem::path dir_;
  FileHandle handle_;
};

}  // namespace lapidary::package
