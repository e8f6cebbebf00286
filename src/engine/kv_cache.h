// The key/value caches of one sequence, allocated once.
//
// A full-attention layer keeps every position. A sliding layer needs the last `window - 1`
// positions only, so its buffer has room for those, some rows to go back by, and one step; when the
// next step does not fit, the rows still in reach move to the front:
//
//   before   | p0 p1 p2 ... p9 pA pB |     sliding_offset 0, no room for the next step
//   after    | p8 p9 pA pB           |     sliding_offset 8
//
//   LAP_ASSIGN_OR_RETURN(KvCache cache,
//                        KvCache::create(text.caches, text.sliding_window, options));
//   LAP_RETURN_IF_ERROR(cache.prepare(tokens));  // makes room for a step of `tokens` positions
//   run_graph(cache.layers());                   // writes `tokens` rows behind those held
//   cache.commit(tokens);
//
// Layers that share another layer's keys and values have none of their own and do not appear.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "package/manifest.h"

namespace lapidary::engine {

struct KvCacheOptions {
  int64_t max_context = 0;  // positions the sequence may reach; > 0
  int64_t max_step = 1;     // most positions one step adds; > 0
  // Rows a sliding layer keeps beyond what attention needs, so that a conversation whose last
  // tokens are rendered differently on the next turn can go back that far.
  int64_t rewind_rows = 64;
};

class KvCache {
 public:
  // One layer's buffers: float32 [kv_heads, capacity, head_dim], rows in order of position.
  struct Layer {
    package::CacheSpec spec;
    int64_t capacity = 0;
    float* key = nullptr;
    float* value = nullptr;
  };

  // Errors: kBadInput for options out of range, kIo when memory cannot be reserved. Pages are
  // touched only as positions arrive, so a large max_context costs address space, not memory.
  static Result<KvCache> create(const std::vector<package::CacheSpec>& specs,
                                int64_t sliding_window, const KvCacheOptions& options);

  const std::vector<Layer>& layers() const { return layers_; }
  int64_t max_context() const { return options_.max_context; }
  int64_t max_step() const { return options_.max_step; }
  // Positions held: the next token gets this position.
  int64_t size() const { return size_; }
  // Absolute position of row 0 of the sliding layers.
  int64_t sliding_offset() const { return sliding_offset_; }

  // Makes room for `tokens` more positions. Errors: kBadInput when the context would overflow or
  // the step is larger than max_step.
  Status prepare(int64_t tokens);
  // Declares that a step wrote `tokens` rows after the present ones.
  void commit(int64_t tokens) { size_ += tokens; }

  // True when the first `length` positions can be kept and the rest forgotten: no sliding layer has
  // dropped a row that the position after `length` attends to. 0 is always possible.
  bool can_truncate(int64_t length) const;
  // Forgets all positions from `length` on; when that is not possible, forgets everything. Returns
  // the positions kept: `length` (at most size()) or 0.
  int64_t truncate(int64_t length);
  void reset() { truncate(0); }

  uint64_t bytes_reserved() const { return bytes_reserved_; }
  // Bytes of the rows that hold positions now.
  uint64_t bytes_used() const;

 private:
  struct Mapping;
  KvCache() = default;
  int64_t sliding_capacity() const;
  void compact();

  KvCacheOptions options_;
  int64_t window_ = 0;
  int64_t size_ = 0;
  int64_t sliding_offset_ = 0;
  uint64_t bytes_reserved_ = 0;
  std::vector<Layer> layers_;
  std::shared_ptr<Mapping> memory_;
};

}  // namespace lapidary::engine
