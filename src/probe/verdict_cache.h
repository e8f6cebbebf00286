// What probing found, kept from build to build: one entry of the user's cache
// (base/cache_folder.h) for each distinct unit on each chip and stack.
//
//   LAP_ASSIGN_OR_RETURN(const auto cache, ProbeCache::open(root, "v81 ... QNN 2.51.0"));
//   if (const std::optional<ProbedNode> known = cache.find(key)) return *known;
//   LAP_RETURN_IF_ERROR(cache.keep(key, node));
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/cache_folder.h"
#include "base/result.h"
#include "base/work.h"
#include "probe/node_probes.h"

namespace lapidary::probe {

class ProbeCache {
 public:
  // `scope`: all that results depend on beside the unit. `root` holds other kinds of entries as
  // well; with "" nothing is kept or found. Errors: those of CacheFolder::open.
  static Result<ProbeCache> open(const std::filesystem::path& root, std::string scope,
                                 uint64_t most_bytes = kDefaultCacheBytes, const Work& work = {});

  // Verdict, difference and reason for a unit's key. Entries that are damaged count as missing,
  // with a note; so do those of another key with the same hash.
  std::optional<ProbedNode> find(const std::string& key) const;
  // kFailed is not kept: the next run may be luckier. Errors: kIo.
  Status keep(const std::string& key, const ProbedNode& node) const;

 private:
  ProbeCache(std::optional<CacheFolder> folder, std::string scope, const Work& work)
      : folder_(std::move(folder)), scope_(std::move(scope)), work_(work) {}

  std::optional<CacheFolder> folder_;
  std::string scope_;
  Work work_;
};

}  // namespace lapidary::probe
