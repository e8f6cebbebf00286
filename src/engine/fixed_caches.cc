#include "engine/fixed_caches.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace lapidary::engine {
namespace {

size_t row_bytes(const FixedCaches::Tensor& tensor) {
  return static_cast<size_t>(tensor.spec.head_dim) * tensor.element_bytes;
}

}  // namespace

Result<FixedCaches> FixedCaches::create(std::vector<Tensor> tensors,
                                        const FixedCacheOptions& options) {
  if (options.rewind_rows < 0) return bad_input("rewind_rows", "must not be negative");
  const auto ring = [&](int64_t window) {
    return CacheRing{window, past_rows(window, options.context_length, 1)};
  };
  FixedCaches out;
  out.options_ = options;
  out.full_ = ring(0);
  out.sliding_ = ring(options.sliding_window);
  out.tensors_ = std::move(tensors);
  for (const Tensor& tensor : out.tensors_) {
    if (tensor.spec.sliding && options.sliding_window < 1) {
      return bad_input("sliding_window", fmt::format("layer {} slides, but the window is {}",
                                                     tensor.spec.layer, options.sliding_window));
    }
    const size_t heads_row = static_cast<size_t>(tensor.spec.kv_heads) * row_bytes(tensor);
    Buffer buffer;
    buffer.rows.resize(static_cast<size_t>(out.ring_of(tensor)) * heads_row);
    if (tensor.spec.sliding) {
      buffer.history.resize(static_cast<size_t>(options.rewind_rows) * heads_row);
    }
    out.buffers_.push_back(std::move(buffer));
  }
  return out;
}

int64_t FixedCaches::past(bool sliding, contract::Role role) const {
  const int64_t length = role == contract::Role::kDecode ? 1 : options_.prefill_length;
  return past_rows(rows(sliding).window, options_.context_length, length);
}

// The last position of a full context is seen by nobody and has no row.
int64_t FixedCaches::stored() const { return std::min(size_, full_.ring); }

int64_t FixedCaches::sliding_offset() const {
  return std::max<int64_t>(0, stored() - sliding_.ring);
}

std::byte* FixedCaches::row(size_t i, int64_t head, int64_t position) {
  const Tensor& tensor = tensors_[i];
  const int64_t slot = position % ring_of(tensor);
  const int64_t at = head * past(tensor.spec.sliding, role_) + slot;
  return buffers_[i].rows.data() + static_cast<size_t>(at) * row_bytes(tensor);
}

std::byte* FixedCaches::past_row(size_t i, int64_t head, int64_t position) {
  const Tensor& tensor = tensors_[i];
  const int64_t at = (position % options_.rewind_rows) * tensor.spec.kv_heads + head;
  return buffers_[i].history.data() + static_cast<size_t>(at) * row_bytes(tensor);
}

// Heads `from` rows apart come to lie `to` rows apart.
void FixedCaches::move_rows(size_t i, int64_t from, int64_t to) {
  const Tensor& tensor = tensors_[i];
  const size_t row = row_bytes(tensor);
  const auto live = static_cast<size_t>(std::min({stored(), from, to})) * row;
  std::byte* const base = buffers_[i].rows.data();
  const auto move = [&](int64_t head) {
    std::memmove(base + static_cast<size_t>(head * to) * row,
                 base + static_cast<size_t>(head * from) * row, live);
  };
  // In the order in which no head is overwritten before it has moved.
  if (to > from) {
    for (int64_t head = tensor.spec.kv_heads - 1; head > 0; --head) move(head);
  } else {
    for (int64_t head = 1; head < tensor.spec.kv_heads; ++head) move(head);
  }
}

void FixedCaches::lay_out_for(contract::Role role) {
  if (role == role_) return;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const bool sliding = tensors_[i].spec.sliding;
    const int64_t from = past(sliding, role_);
    const int64_t to = past(sliding, role);
    if (from != to) move_rows(i, from, to);
  }
  role_ = role;
}

void FixedCaches::append(std::span<const std::byte* const> rows, int64_t length, int64_t count) {
  // A chunk may fill a buffer of the smaller graph to its end: the rows then need the larger one.
  const bool beyond = size_ + count > past(false, role_);
  if (beyond) lay_out_for(contract::Role::kDecode);
  const int64_t end = std::min(size_ + count, full_.ring);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& tensor = tensors_[i];
    const size_t bytes = row_bytes(tensor);
    for (int64_t head = 0; head < tensor.spec.kv_heads; ++head) {
      const std::byte* from = rows[i] + static_cast<size_t>(head * length) * bytes;
      for (int64_t position = size_; position < end; ++position, from += bytes) {
        std::byte* const to = row(i, head, position);
        const int64_t leaves = position - ring_of(tensor);
        if (leaves >= 0 && !buffers_[i].history.empty()) {
          std::memcpy(past_row(i, head, leaves), to, bytes);
        }
        std::memcpy(to, from, bytes);
      }
    }
  }
  size_ += count;
  oldest_ = std::max(oldest_, sliding_offset() - options_.rewind_rows);
}

int64_t FixedCaches::truncate(int64_t length) {
  if (length >= size_) return size_;
  const bool slides = std::any_of(tensors_.begin(), tensors_.end(),
                                  [](const Tensor& tensor) { return tensor.spec.sliding; });
  const int64_t needed = std::max<int64_t>(0, length - sliding_.ring);
  if (length <= 0 || (slides && needed < oldest_)) {
    size_ = 0;
    oldest_ = 0;
    return 0;
  }
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!tensors_[i].spec.sliding) continue;
    // In the rows of [length, size) stood those that left because of them. Only what the position
    // after needs comes back: later ones would take its places in the ring.
    for (int64_t position = needed; position < std::min(length, sliding_offset()); ++position) {
      for (int64_t head = 0; head < tensors_[i].spec.kv_heads; ++head) {
        std::memcpy(row(i, head, position), past_row(i, head, position), row_bytes(tensors_[i]));
      }
    }
  }
  size_ = length;
  return size_;
}

uint64_t FixedCaches::bytes() const {
  uint64_t sum = 0;
  for (const Buffer& buffer : buffers_) sum += buffer.rows.size() + buffer.history.size();
  return sum;
}

}  // namespace lapidary::engine
