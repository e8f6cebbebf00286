// libFuzzer target: any bytes as the text of a cached verdict. What is found again is one of the
// verdicts that are kept, and finite.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/cache_folder.h"
#include "base/hash.h"
#include "base/testing/fuzz.h"
#include "probe/verdict_cache.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace fuzzing = lapidary::fuzzing;
  namespace probe = lapidary::probe;
  static const fuzzing::Folder folder;
  static const auto store = lapidary::CacheFolder::open(folder.path());
  static const auto cache = probe::ProbeCache::open(folder.path(), "scope");
  fuzzing::require(store.ok() && cache.ok(), "the cache cannot be opened");
  const fuzzing::MemoryBound bound(size);
  const auto stored =
      store->store_text(lapidary::CacheKind::kProbe, lapidary::content_hash("scope\nkey"),
                        fuzzing::text_of(data, size));
  fuzzing::require(stored.ok(), "the text cannot be stored");
  const auto node = cache->find("key");
  if (!node) return 0;
  fuzzing::require(node->verdict != probe::Verdict::kFailed, "a failure was kept");
  fuzzing::require(
      std::isfinite(node->difference.cosine) && std::isfinite(node->difference.relative_error),
      "a difference is not finite");
  fuzzing::require(!cache->find("other").has_value(), "a verdict is another unit's");
  return 0;
}
