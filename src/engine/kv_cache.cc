#include "engine/kv_cache.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace lapidary::engine {
namespace {

constexpr uint64_t kAlignment = 64;  // a cache line, and the widest vector register

uint64_t buffer_bytes(const KvCache::Layer& layer) {
  const uint64_t bytes = static_cast<uint64_t>(layer.spec.kv_heads) *
                         static_cast<uint64_t>(layer.capacity) *
                         static_cast<uint64_t>(layer.spec.head_dim) * sizeof(float);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Moves rows [first, first + rows) of every head to row 0.
void move_to_front(float* buffer, const KvCache::Layer& layer, int64_t first, int64_t rows) {
  const int64_t head = layer.capacity * layer.spec.head_dim;
  for (int64_t h = 0; h < layer.spec.kv_heads; ++h) {
    float* base = buffer + h * head;
    std::memmove(base, base + first * layer.spec.head_dim,
                 static_cast<size_t>(rows * layer.spec.head_dim) * sizeof(float));
  }
}

}  // namespace

// Anonymous pages: zero, and not backed by memory before the first touch.
struct KvCache::Mapping {
  void* data = MAP_FAILED;
  size_t bytes = 0;

  ~Mapping() {
    if (data != MAP_FAILED) munmap(data, bytes);
  }
};

Result<KvCache> KvCache::create(const std::vector<package::CacheSpec>& specs,
                                int64_t sliding_window, const KvCacheOptions& options) {
  if (options.max_context < 1) return bad_input("context", "must hold at least one token");
  if (options.max_step < 1) return bad_input("chunk", "must be at least one token");
  if (options.rewind_rows < 0) return bad_input("rewind_rows", "must not be negative");
  KvCache cache;
  cache.options_ = options;
  cache.options_.max_step = std::min(options.max_step, options.max_context);
  cache.window_ = sliding_window;
  for (const package::CacheSpec& spec : specs) {
    if (spec.sliding && sliding_window < 1) {
      return bad_input("sliding_window", fmt::format("layer {} slides, but the window is {}",
                                                     spec.layer, sliding_window));
    }
    Layer layer{spec, spec.sliding ? cache.sliding_capacity() : options.max_context, nullptr,
                nullptr};
    cache.bytes_reserved_ += 2 * buffer_bytes(layer);
    cache.layers_.push_back(layer);
  }
  cache.memory_ = std::make_shared<Mapping>();
  cache.memory_->bytes = std::max<size_t>(cache.bytes_reserved_, 1);
  cache.memory_->data = mmap(nullptr, cache.memory_->bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (cache.memory_->data == MAP_FAILED) {
    return io_error(
        "key/value cache",
        fmt::format("cannot reserve {} MiB for a context of {} tokens: {}",
                    cache.bytes_reserved_ >> 20, options.max_context, std::strerror(errno)),
        "choose a smaller context");
  }
  auto* next = static_cast<std::byte*>(cache.memory_->data);
  for (Layer& layer : cache.layers_) {
    // The mapping is page aligned and every buffer a multiple of kAlignment long.
    layer.key = static_cast<float*>(static_cast<void*>(next));
    next += buffer_bytes(layer);
    layer.value = static_cast<float*>(static_cast<void*>(next));
    next += buffer_bytes(layer);
  }
  return cache;
}

int64_t KvCache::sliding_capacity() const {
  // Small steps still get room for many: moving the window costs a copy of it.
  constexpr int64_t kFewestStepsBetweenMoves = 128;
  const int64_t room = std::max(options_.max_step, kFewestStepsBetweenMoves);
  return std::min(options_.max_context, window_ - 1 + options_.rewind_rows + room);
}

Status KvCache::prepare(int64_t tokens) {
  if (tokens < 1 || tokens > options_.max_step) {
    return internal_error("key/value cache", fmt::format("a step of {} tokens; at most {} fit",
                                                         tokens, options_.max_step));
  }
  if (size_ + tokens > options_.max_context) {
    return bad_input("context",
                     fmt::format("{} tokens do not fit into a context of {}", size_ + tokens,
                                 options_.max_context),
                     "shorten the prompt or choose a larger context");
  }
  if (size_ - sliding_offset_ + tokens > sliding_capacity()) compact();
  return {};
}

void KvCache::compact() {
  const int64_t resident = size_ - sliding_offset_;
  const int64_t kept = std::min(resident, window_ - 1 + options_.rewind_rows);
  const int64_t dropped = resident - kept;
  for (const Layer& layer : layers_) {
    if (!layer.spec.sliding) continue;
    move_to_front(layer.key, layer, dropped, kept);
    move_to_front(layer.value, layer, dropped, kept);
  }
  sliding_offset_ += dropped;
}

bool KvCache::can_truncate(int64_t length) const {
  if (length < 0 || length > size_) return false;
  if (length == 0 || sliding_offset_ == 0) return true;
  return length - (window_ - 1) >= sliding_offset_;
}

int64_t KvCache::truncate(int64_t length) {
  size_ = can_truncate(length) ? length : 0;
  if (size_ == 0) sliding_offset_ = 0;
  return size_;
}

uint64_t KvCache::bytes_used() const {
  int64_t floats = 0;
  for (const Layer& layer : layers_) {
    const int64_t rows = layer.spec.sliding ? size_ - sliding_offset_ : size_;
    floats += 2 * rows * layer.spec.kv_heads * layer.spec.head_dim;
  }
  return static_cast<uint64_t>(floats) * sizeof(float);
}

}  // namespace lapidary::engine
