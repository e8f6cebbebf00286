#include "tensor/tensor_digest.h"

#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>

namespace lapidary::tensor {
namespace {

// Shorter inputs cost XXH3 more a byte; longer ones leave more at the ends of a read that is no
// multiple of them. Rows of this length or more, all that matter, are blocks of their own.
constexpr int64_t kShortestDigestBlock = 1 << 10;
// Fits a core's cache together with its copy in the kernel.
constexpr int64_t kDigestReadBytes = 256 << 10;

}  // namespace

TensorDigest::TensorDigest(const TensorType& type)
    : bytes_(type.bytes()), row_bytes_(bytes_of(type.dtype, type.cols())) {
  if (bytes_ == 0) return;
  rows_a_block_ = (kShortestDigestBlock + row_bytes_ - 1) / row_bytes_;
  const int64_t rows = bytes_ / row_bytes_;
  blocks_ = (rows + rows_a_block_ - 1) / rows_a_block_;
  claimed_ = std::vector<std::atomic<uint64_t>>(static_cast<size_t>((blocks_ + 63) / 64));
}

int64_t TensorDigest::block_bytes(int64_t block) const {
  const int64_t whole = rows_a_block_ * row_bytes_;
  return std::min(whole, bytes_ - block * whole);
}

bool TensorDigest::has(int64_t block) const {
  return (claimed_[static_cast<size_t>(block / 64)].load() >> (block % 64) & 1) != 0;
}

bool TensorDigest::claim(int64_t block) {
  const uint64_t bit = uint64_t{1} << (block % 64);
  return (claimed_[static_cast<size_t>(block / 64)].fetch_or(bit) & bit) == 0;
}

// `bytes`: of whole blocks.
void TensorDigest::add_blocks(int64_t block, std::span<const std::byte> bytes) {
  uint64_t low = 0;
  uint64_t high = 0;
  for (; !bytes.empty(); ++block) {
    const auto length = static_cast<size_t>(block_bytes(block));
    if (claim(block)) {
      const XXH128_hash_t hash =
          XXH3_128bits_withSeed(bytes.data(), length, static_cast<uint64_t>(block));
      low += hash.low64;
      high += hash.high64;
    }
    bytes = bytes.subspan(length);
  }
  low_ += low;
  high_ += high;
}

void TensorDigest::saw_rows(int64_t row_begin, std::span<const std::byte> rows) {
  if (!was_read_) was_read_ = true;  // written once: all threads look at it
  if (blocks_ == 0) return;
  const auto size = static_cast<int64_t>(rows.size());
  const int64_t at = row_begin * row_bytes_;
  const int64_t whole = rows_a_block_ * row_bytes_;
  const int64_t first = (at + whole - 1) / whole;
  // The tensor's end ends its last block, whatever that one's length.
  const int64_t end = at + size == bytes_ ? blocks_ : (at + size) / whole;
  if (first >= end) return;
  const int64_t begin_byte = first * whole - at;
  const int64_t end_byte = std::min(end * whole, bytes_) - at;
  add_blocks(first, rows.subspan(static_cast<size_t>(begin_byte),
                                 static_cast<size_t>(end_byte - begin_byte)));
}

Status TensorDigest::add_long_block(int64_t block, const MappedFile& file, int64_t offset,
                                    const CancelToken* cancel) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset_withSeed(&state, static_cast<uint64_t>(block));
  const int64_t begin = offset + block * rows_a_block_ * row_bytes_;
  const int64_t length = block_bytes(block);
  std::vector<std::byte> buffer(static_cast<size_t>(kDigestReadBytes));
  for (int64_t done = 0; done < length;) {
    if (cancel != nullptr && cancel->cancelled()) return cancelled();
    const auto piece = std::span(buffer).first(
        static_cast<size_t>(std::min<int64_t>(kDigestReadBytes, length - done)));
    LAP_RETURN_IF_ERROR(file.read(static_cast<size_t>(begin + done), piece));
    XXH3_128bits_update(&state, piece.data(), piece.size());
    done += static_cast<int64_t>(piece.size());
  }
  if (!claim(block)) return {};
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  low_ += hash.low64;
  high_ += hash.high64;
  return {};
}

Status TensorDigest::complete(const MappedFile& file, int64_t offset, const CancelToken* cancel) {
  std::vector<std::byte> buffer;
  for (int64_t block = 0; block < blocks_;) {
    if (cancel != nullptr && cancel->cancelled()) return cancelled();
    int64_t end = block;
    int64_t length = 0;
    while (end < blocks_ && !has(end) && length + block_bytes(end) <= kDigestReadBytes) {
      length += block_bytes(end);
      ++end;
    }
    if (end > block) {
      buffer.resize(static_cast<size_t>(length));
      const int64_t from = offset + block * rows_a_block_ * row_bytes_;
      LAP_RETURN_IF_ERROR(file.read(static_cast<size_t>(from), buffer));
      add_blocks(block, buffer);
      block = end;
      continue;
    }
    if (!has(block)) LAP_RETURN_IF_ERROR(add_long_block(block, file, offset, cancel));
    ++block;
  }
  return {};
}

std::string TensorDigest::hex() const {
  return fmt::format("{:016x}{:016x}", high_.load(), low_.load());
}

}  // namespace lapidary::tensor
