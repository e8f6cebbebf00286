#include "htp/compile_cache.h"

#include <fmt/core.h>
#include <xxhash.h>

#include "base/json.h"
#include "package/file_hash.h"

namespace lapidary::htp {

namespace fs = std::filesystem;

Result<CompileCache> CompileCache::open(const fs::path& root, uint64_t most_bytes) {
  LAP_ASSIGN_OR_RETURN(CacheFolder folder, CacheFolder::open(root, most_bytes));
  return CompileCache(std::move(folder));
}

Result<bool> CompileCache::fetch(const std::string& key, const fs::path& to,
                                 const Work& work) const {
  return folder_.fetch(CacheKind::kContext, key, to, work);
}

Status CompileCache::store(const std::string& key, const fs::path& from, const Work& work) const {
  return folder_.store(CacheKind::kContext, key, from, work);
}

Result<std::string> cache_key(std::span<const std::string> texts, std::span<const fs::path> files,
                              const Work& work) {
  Json parts = Json::array();
  for (const std::string& text : texts) parts.push_back(text);
  parts.push_back("files");
  for (const fs::path& file : files) {
    LAP_ASSIGN_OR_RETURN(const std::string hash, package::file_hash(file, work));
    parts.push_back(hash);
  }
  const std::string text = parts.dump(-1, ' ', true, Json::error_handler_t::replace);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace lapidary::htp
