#include "graph/data_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>

#include "base/files.h"
#include "base/parallel.h"

namespace lapidary::graph {
namespace {

constexpr int64_t kPieceBytes = 1 << 20;        // written at a time, when rows are small
constexpr int64_t kPieceLimitBytes = 48 << 20;  // never more than this, unless one row is larger
// A transpose reads a stripe of columns: too narrow a stripe would touch every cache line of the
// operand many times over.
constexpr int64_t kMinRows = 32;

struct Piece {
  const PlacedGroup* group;
  int64_t begin, end;  // tiles of the producer
};

class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path)
      : path_(path),
        fd_(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NONBLOCK, 0644)) {}
  ~OutputFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  Status reserve(int64_t bytes) const {
    if (fd_ < 0) return failure(errno);
    int code = 0;
    do {  // a signal may come meanwhile
      code = bytes > 0 ? ::posix_fallocate(fd_, 0, bytes) : 0;
    } while (code == EINTR);
    if (code != 0) return failure(code);
    return {};
  }

  Status write(std::span<const std::byte> bytes, int64_t offset) const {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), offset);
      if (n < 0) {
        if (errno == EINTR) continue;
        return failure(errno);
      }
      bytes = bytes.subspan(static_cast<size_t>(n));
      offset += n;
    }
    return {};
  }

  Status sync() const { return sync_file(fd_, path_); }

 private:
  Error failure(int code) const {
    return io_error(path_.string(), std::generic_category().message(code),
                    code == ENOSPC ? "free some space, or choose another output folder" : "");
  }

  std::filesystem::path path_;
  int fd_;
};

std::vector<Piece> cut(const DataLayout& layout) {
  std::vector<Piece> pieces;
  for (const PlacedGroup& group : layout.groups) {
    const int64_t tiles = group.producer->tiles();
    int64_t bytes = 0;
    bool whole = false;  // rows of 4-bit elements that end within a byte cannot be cut
    for (const Placement& p : group.placements) {
      bytes += p.bytes;
      whole = whole || p.bytes % std::max<int64_t>(1, tiles) != 0;
    }
    if (whole) {
      pieces.push_back({&group, 0, tiles});
      continue;
    }
    const int64_t tile_bytes = std::max<int64_t>(1, bytes / std::max<int64_t>(1, tiles));
    int64_t step = std::max<int64_t>(kPieceBytes / tile_bytes, 1);
    if (step < kMinRows) {
      step = std::min(kMinRows, std::max<int64_t>(1, kPieceLimitBytes / tile_bytes));
    }
    for (int64_t t = 0; t < tiles; t += step) {
      pieces.push_back({&group, t, std::min(t + step, tiles)});
    }
  }
  return pieces;
}

Status write_piece(const Piece& piece, const OutputFile& file, const Work& work) {
  const tensor::Producer& producer = *piece.group->producer;
  const int64_t tiles = producer.tiles();
  // Kept per thread: a fresh buffer of this size would be mapped and zeroed anew for every piece.
  thread_local std::vector<std::byte> buffer;
  struct Part {
    size_t output;
    int64_t offset, begin, bytes;
  };
  std::vector<Part> parts;
  int64_t total = 0;
  for (const Placement& p : piece.group->placements) {
    const int64_t tile_bytes = p.bytes / tiles;
    const bool whole = piece.begin == 0 && piece.end == tiles;
    const int64_t bytes = whole ? p.bytes : tile_bytes * (piece.end - piece.begin);
    parts.push_back({p.output, p.offset + tile_bytes * piece.begin, total, bytes});
    total += bytes;
  }
  if (static_cast<int64_t>(buffer.size()) < total) buffer.resize(static_cast<size_t>(total));
  std::vector<std::span<std::byte>> outs(producer.outputs().size());
  for (const Part& part : parts) {
    outs[part.output] =
        std::span(buffer).subspan(static_cast<size_t>(part.begin), static_cast<size_t>(part.bytes));
  }
  LAP_RETURN_IF_ERROR(producer.read_tiles(piece.begin, piece.end, outs));
  for (const Part& part : parts) {
    LAP_RETURN_IF_ERROR(file.write(outs[part.output], part.offset));
  }
  work.advance(static_cast<uint64_t>(total));
  return {};
}

}  // namespace

Status write_data(const DataLayout& layout, const std::filesystem::path& path,
                  Durability durability, const Work& work) {
  const OutputFile file(path);
  LAP_RETURN_IF_ERROR(file.reserve(layout.total_bytes));
  const std::vector<Piece> pieces = cut(layout);
  LAP_RETURN_IF_ERROR(parallel_for(
      pieces.size(),
      [&](size_t i) -> Status {
        if (work.is_cancelled()) return cancelled();
        return write_piece(pieces[i], file, work);
      },
      work.threads));
  return durability == Durability::kOnDisk ? file.sync() : Status();
}

}  // namespace lapidary::graph
