// What probing found, kept from build to build: one small JSON file for each distinct unit on each
// chip and stack.
//
//   const ProbeCache cache(folder, "v81 ... QNN 2.51.0");
//   if (const std::optional<ProbedNode> known = cache.find(key)) return *known;
//   LAP_RETURN_IF_ERROR(cache.keep(key, node));
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "probe/node_probes.h"

namespace lapidary::probe {

class ProbeCache {
 public:
  // `scope`: all that results depend on beside the unit. An empty folder: nothing is kept or found.
  ProbeCache(std::filesystem::path folder, std::string scope)
      : folder_(std::move(folder)), scope_(std::move(scope)) {}

  // Verdict, difference and reason for a unit's key. Entries that are damaged, or of another key
  // with the same hash, count as missing.
  std::optional<ProbedNode> find(const std::string& key) const;
  // kFailed is not kept: the next run may be luckier. Errors: kIo.
  Status keep(const std::string& key, const ProbedNode& node) const;

 private:
  std::filesystem::path file_of(const std::string& whole) const;

  std::filesystem::path folder_;
  std::string scope_;
};

}  // namespace lapidary::probe
