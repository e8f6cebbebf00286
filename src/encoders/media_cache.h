// What an encoder made of pictures and clips, by a key of their content: the last ones used, up to
// a number of bytes.
//
//   MediaCache cache(256 << 20);
//   if (const MediaBlocks* found = cache.find(key)) return *found;
//   cache.add(key, blocks);
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/prompt.h"

namespace lapidary::encoders {

using MediaBlocks = std::vector<std::shared_ptr<const engine::SoftTokens>>;

class MediaCache {
 public:
  explicit MediaCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Null when it is not there (any more); valid until the next add. Counts as a use.
  const MediaBlocks* find(const std::string& key);
  // Drops what was used least recently until the features fit. What alone is too large is not kept;
  // who holds blocks keeps them in any case.
  void add(const std::string& key, MediaBlocks blocks);
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string key;
    MediaBlocks blocks;
    size_t bytes = 0;
  };
  void drop(std::list<Entry>::iterator entry);

  size_t max_bytes_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // the last one used first
  std::map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace lapidary::encoders
