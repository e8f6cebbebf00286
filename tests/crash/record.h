// The journal that shim.cc writes of a program's changes to a folder, and replay.cc reads: records one
// behind the other, each a RecordHead, its path, its second path and its bytes.
#pragma once

#include <cstdint>

namespace lapidary::crash {

enum class RecordKind : uint32_t {
  kCreate = 1,  // file `inode` at `path`, empty
  kMkdir,       // folder `inode` at `path`
  kSymlink,     // at `path`, to `other`
  kLink,        // `path` is another name of `inode`
  kRename,      // `path` to `other`; size = 1: they change places
  kRemove,      // the name `path`, of a file or of an empty folder
  kWrite,       // the bytes, to `inode` at `offset`
  kTruncate,    // `inode` to `size` bytes
  kAllocate,    // `inode` to at least `size` bytes, zeros where nothing was
  kSync,        // of file or folder `inode`
  kSyncAll,
  kUnseen,  // something was changed at `path` in a way that no journal can follow
};

struct RecordHead {
  RecordKind kind;
  uint32_t path_bytes;
  uint32_t other_bytes;
  uint32_t reserved;
  uint64_t inode;
  int64_t offset;
  uint64_t size;
  uint64_t data_bytes;
};

}  // namespace lapidary::crash
