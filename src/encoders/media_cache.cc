#include "encoders/media_cache.h"

#include <iterator>

namespace lapidary::encoders {

const MediaBlocks* MediaCache::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->blocks;
}

void MediaCache::add(const std::string& key, MediaBlocks blocks) {
  if (const auto old = by_key_.find(key); old != by_key_.end()) drop(old->second);
  size_t bytes = 0;
  for (const auto& block : blocks) bytes += block->features.size() * sizeof(float);
  if (bytes > max_bytes_) return;
  while (bytes_ + bytes > max_bytes_) drop(std::prev(entries_.end()));
  entries_.push_front({key, std::move(blocks), bytes});
  by_key_[key] = entries_.begin();
  bytes_ += bytes;
}

void MediaCache::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace lapidary::encoders
