// Keys and values of a decoder of fixed lengths, in the graphs' own element types: what a run
// writes is what later runs read, not converted between.
//
// Each tensor is one buffer that the graphs of both roles are bound to. They see different numbers
// of rows of it (cache_rows.h), and rows of a head lie side by side, so with several heads the rows
// move once when runs change from one role to the other: a prompt's chunks, then its reply. That is
// one pass over the rows held where two buffers would cost twice the memory and every row twice the
// copying; with one head nothing moves.
//
// Rows that leave a ring are remembered, the last `rewind_rows` of them, so that a sequence can go
// back that far.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "contract/role.h"
#include "engine/cache_ring.h"
#include "package/manifest.h"

namespace lapidary::engine {

struct FixedCacheOptions {
  int64_t context_length = 0;
  int64_t prefill_length = 0;
  int64_t sliding_window = 0;
  int64_t rewind_rows = 64;
};

class FixedCaches {
 public:
  // Keys and values are tensors alike: of cache i, 2 * i and 2 * i + 1.
  struct Tensor {
    package::CacheSpec spec;
    size_t element_bytes = 0;
  };

  // Errors: kBadInput for sliding layers without a window and negative rewind_rows.
  static Result<FixedCaches> create(std::vector<Tensor> tensors, const FixedCacheOptions& options);

  CacheRing rows(bool sliding) const { return sliding ? sliding_ : full_; }
  // Of a tensor in the graphs of a role.
  int64_t past(bool sliding, contract::Role role) const;
  // Where tensor i lies, [heads, past, head_dim]; never changes.
  std::byte* data(size_t i) { return buffers_[i].rows.data(); }

  int64_t size() const { return size_; }  // positions held
  // Sliding layers hold no position before it.
  int64_t sliding_offset() const;
  // Whether the graphs of this role see all positions held, or all in the window.
  bool fits(contract::Role role) const { return size_ <= past(false, role); }
  // Lays the rows out as the graphs of `role` see them. Requires fits(role).
  void lay_out_for(contract::Role role);
  // The new rows of all tensors after a run, [heads, length, head_dim] each, of which `count` are
  // real. Rows lie as for the role of that run.
  void append(std::span<const std::byte* const> rows, int64_t length, int64_t count);
  // Forgets the positions from `length` on; everything when a sliding layer has forgotten a row
  // that the position after needs. Returns the positions kept.
  int64_t truncate(int64_t length);

  uint64_t bytes() const;

 private:
  struct Buffer {
    std::vector<std::byte> rows;     // [heads, past of the role, head_dim]
    std::vector<std::byte> history;  // [rewind_rows, heads, head_dim]; of sliding layers
  };
  FixedCaches() = default;
  int64_t stored() const;
  int64_t ring_of(const Tensor& tensor) const { return rows(tensor.spec.sliding).ring; }
  std::byte* row(size_t i, int64_t head, int64_t position);
  std::byte* past_row(size_t i, int64_t head, int64_t position);
  void move_rows(size_t i, int64_t from, int64_t to);

  FixedCacheOptions options_;
  CacheRing full_, sliding_;
  std::vector<Tensor> tensors_;
  std::vector<Buffer> buffers_;
  contract::Role role_ = contract::Role::kDecode;
  int64_t size_ = 0;
  int64_t oldest_ = 0;  // of sliding layers, in ring or history
};

}  // namespace lapidary::engine
