#include "probe/verdict_cache.h"

#include <fmt/core.h>

#include <cmath>

#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"

namespace lapidary::probe {
namespace {

constexpr uint64_t kMostEntryBytes = 1 << 20;

std::optional<Verdict> verdict_named(const std::string& name) {
  for (const Verdict verdict :
       {Verdict::kRight, Verdict::kImprecise, Verdict::kWrong, Verdict::kRefused}) {
    if (name == name_of(verdict)) return verdict;
  }
  return std::nullopt;
}

}  // namespace

std::filesystem::path ProbeCache::file_of(const std::string& whole) const {
  return folder_ / (content_hash(whole) + ".json");
}

std::optional<ProbedNode> ProbeCache::find(const std::string& key) const {
  if (folder_.empty()) return std::nullopt;
  const std::string whole = scope_ + "\n" + key;
  std::error_code error;
  const std::filesystem::path file = file_of(whole);
  if (!std::filesystem::exists(file, error)) return std::nullopt;
  const Result<Json> json = load_json(file, kMostEntryBytes);
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
  if (folder_.empty() || node.verdict == Verdict::kFailed) return {};
  // JSON has no infinity; such a difference is measured again.
  if (!std::isfinite(node.difference.cosine) || !std::isfinite(node.difference.relative_error)) {
    return {};
  }
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) return io_error(folder_.string(), error.message());
  const std::string whole = scope_ + "\n" + key;
  const Json json = {{"key", whole},
                     {"op", node.op},
                     {"forms", node.forms},
                     {"verdict", name_of(node.verdict)},
                     {"reason", node.reason},
                     {"cosine", node.difference.cosine},
                     {"relative_error", node.difference.relative_error},
                     {"finite", node.difference.finite}};
  return replace_file(file_of(whole), json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace lapidary::probe
