#include "htp/compile_cache.h"

#include "base/hash.h"
#include "base/json.h"

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
    LAP_ASSIGN_OR_RETURN(const std::string hash, file_hash(file, work));
    parts.push_back(hash);
  }
  return content_hash(parts.dump(-1, ' ', true, Json::error_handler_t::replace));
}

}  // namespace lapidary::htp
