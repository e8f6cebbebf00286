#include "probe/verdict_cache.h"

#include <cmath>

#include "base/hash.h"
#include "base/json.h"

namespace lapidary::probe {
namespace {

std::optional<Verdict> verdict_named(const std::string& name) {
  for (const Verdict verdict :
       {Verdict::kRight, Verdict::kImprecise, Verdict::kWrong, Verdict::kRefused}) {
    if (name == name_of(verdict)) return verdict;
  }
  return std::nullopt;
}

}  // namespace

Result<ProbeCache> ProbeCache::open(const std::filesystem::path& root, std::string scope,
                                    uint64_t most_bytes, const Work& work) {
  if (root.empty()) return ProbeCache(std::nullopt, std::move(scope), work);
  LAP_ASSIGN_OR_RETURN(CacheFolder folder, CacheFolder::open(root, most_bytes));
  return ProbeCache(std::move(folder), std::move(scope), work);
}

std::optional<ProbedNode> ProbeCache::find(const std::string& key) const {
  if (!folder_) return std::nullopt;
  const std::string whole = scope_ + "\n" + key;
  const auto text = folder_->fetch_text(CacheKind::kProbe, content_hash(whole), work_);
  if (!text) return std::nullopt;
  const Result<Json> json = parse_json(*text, "a cached verdict");
  if (!json.ok()) return std::nullopt;
  try {
    if (json->at("key").get<std::string>() != whole) return std::nullopt;
    const auto verdict = verdict_named(json->at("verdict").get<std::string>());
    if (!verdict) return std::nullopt;
    ProbedNode node;
    node.verdict = *verdict;
    node.reason = json->at("reason").get<std::string>();
    node.difference = {json->at("cosine").get<double>(), json->at("relative_error").get<double>(),
                       json->at("finite").get<bool>()};
    return node;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

Status ProbeCache::keep(const std::string& key, const ProbedNode& node) const {
  if (!folder_ || node.verdict == Verdict::kFailed) return {};
  // JSON has no infinity; such a difference is measured again.
  if (!std::isfinite(node.difference.cosine) || !std::isfinite(node.difference.relative_error)) {
    return {};
  }
  const std::string whole = scope_ + "\n" + key;
  const Json json = {{"key", whole},
                     {"op", node.op},
                     {"forms", node.forms},
                     {"verdict", name_of(node.verdict)},
                     {"reason", node.reason},
                     {"cosine", node.difference.cosine},
                     {"relative_error", node.difference.relative_error},
                     {"finite", node.difference.finite}};
  return folder_->store_text(CacheKind::kProbe, content_hash(whole),
                             json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace lapidary::probe
