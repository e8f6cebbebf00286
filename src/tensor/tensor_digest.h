// A fingerprint of all bytes of one tensor in a file, made while others read them: what passes by
// is hashed in the reader's cache, and only what nobody asked for is read once more, at the end.
//
//   auto digest = std::make_shared<TensorDigest>(type);
//   tensor::Tensor weight = tensor::from_file(file, offset, type, name, digest);
//   use(weight.materialize());                                     // any rows, on any threads
//   LAP_RETURN_IF_ERROR(digest->complete(*file, offset, cancel));  // the rest
//   const std::string hash = digest->hex();
//
// The tensor is cut into blocks of whole rows; the fingerprint is the sum of each block's XXH3-128,
// seeded with the block's number. So it does not depend on who read what when, and differs when one
// bit does. Not cryptographic.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/progress.h"
#include "base/result.h"
#include "tensor/expressions.h"

namespace lapidary::tensor {

class TensorDigest final : public ReadObserver {
 public:
  explicit TensorDigest(const TensorType& type);

  void saw_rows(int64_t row_begin, std::span<const std::byte> rows) override;
  void saw_columns() override { was_read_ = true; }

  // Whether anybody but complete() read of it.
  bool was_read() const { return was_read_; }
  // Reads what saw_rows was not shown, if anything. `offset`: of the tensor in `file`. Errors: the
  // file's; kCancelled.
  Status complete(const MappedFile& file, int64_t offset, const CancelToken* cancel);
  // 32 hex digits, once complete.
  std::string hex() const;

 private:
  int64_t block_bytes(int64_t block) const;
  bool has(int64_t block) const;
  // False: another thread was first, and adds it.
  bool claim(int64_t block);
  void add_blocks(int64_t block, std::span<const std::byte> bytes);
  Status add_long_block(int64_t block, const MappedFile& file, int64_t offset,
                        const CancelToken* cancel);

  int64_t bytes_ = 0;         // of the tensor
  int64_t row_bytes_ = 0;     // 0: it has no bytes
  int64_t rows_a_block_ = 1;  // of the last block perhaps fewer
  int64_t blocks_ = 0;
  std::vector<std::atomic<uint64_t>> claimed_;  // a bit a block
  std::atomic<uint64_t> low_ = 0, high_ = 0;    // the sum's halves
  std::atomic<bool> was_read_ = false;
};

}  // namespace lapidary::tensor
