#include "checkpoint/adapter_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include "base/json.h"

namespace lapidary::checkpoint {
namespace {

constexpr IntegerRange kAdapterRank = {.min = 1, .max = 1 << 16};
constexpr const char* kMergeWithPeft =
    "merge it with PEFT's merge_and_unload() and build the result";

// What changes numbers in a way that is not followed, unless null, false or empty.
struct RefusedKey {
  const char* key;
  const char* feature;
};
constexpr RefusedKey kRefusedKeys[] = {
    {"use_dora", "DoRA"},
    {"use_qalora", "QA-LoRA"},
    {"use_bdlora", "block-diagonal LoRA"},
    {"kasa_config", "KaSA"},
    {"monteclora_config", "Monte Carlo LoRA"},
    {"lora_bias", "a bias of the update"},
    {"fan_in_fan_out", "a transposed weight"},
    {"layer_replication", "replicated layers"},
    {"target_parameters", "LoRA on parameters that are no module's weight"},
    {"trainable_token_indices", "single trained tokens"},
    {"alora_invocation_tokens", "activated LoRA"},
    {"arrow_config", "Arrow routing"},
    {"megatron_config", "Megatron's parallel layers"},
    {"ensure_weight_tying", "an update of embedding and head at once"},
};

// Initializations that change the base model before training, so that what was saved does not
// belong to the checkpoint that people have.
constexpr const char* kMutatingInits[] = {"pissa", "olora", "corda", "loftq", "lora_ga"};

// Keys that are called as features are, and whose features end with the training.
constexpr std::string_view kTrainingKeys[] = {"use_rslora",   "corda_config",   "eva_config",
                                              "loftq_config", "lora_ga_config", "runtime_config",
                                              "velora_config"};

bool is_off(const Json& value) {
  return value.is_null() || ((value.is_array() || value.is_object()) && value.empty()) ||
         (value.is_boolean() && !value.get<bool>());
}

// PEFT gets features faster than this file does, and calls each use_NAME or NAME_config.
void refuse_unknown_features(JsonReader& reader) {
  for (const auto& [key, value] : reader.json().items()) {
    if (!(key.starts_with("use_") || key.ends_with("_config")) || is_off(value)) continue;
    if (std::find(std::begin(kTrainingKeys), std::end(kTrainingKeys), key) !=
        std::end(kTrainingKeys)) {
      continue;
    }
    reader.fail(key, "asks for a feature that is not known here, and may change the numbers",
                kMergeWithPeft, ErrorKind::kUnsupported);
  }
}

void refuse_features(JsonReader& reader) {
  for (const RefusedKey& each : kRefusedKeys) {
    if (is_off(reader.raw(each.key))) continue;
    reader.fail(each.key, fmt::format("asks for {}, which is not supported", each.feature),
                kMergeWithPeft, ErrorKind::kUnsupported);
  }
  refuse_unknown_features(reader);
  if (const std::string bias = reader.string_or("bias", "none"); bias != "none") {
    reader.fail("bias", fmt::format("is '{}': trained biases are not supported", bias),
                kMergeWithPeft, ErrorKind::kUnsupported);
  }
  const Json& init = reader.raw("init_lora_weights");
  if (!init.is_string()) return;
  std::string name = init.get<std::string>();
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (const char* mutating : kMutatingInits) {
    if (!name.starts_with(mutating)) continue;
    reader.fail("init_lora_weights",
                fmt::format("is '{}', which changes the base model before training", name),
                "convert it: save_pretrained(..., path_initial_model_for_weight_conversion=...)",
                ErrorKind::kUnsupported);
  }
}

// Keys are regular expressions to PEFT; people write names, or their ends.
void check_plain(JsonReader& patterns, const std::string& key) {
  if (key.empty() || key.find_first_of("^$*+?{}[]\\|()") != std::string::npos) {
    patterns.fail(key, "is a regular expression, which is not supported",
                  "write the modules' names out, a key each", ErrorKind::kUnsupported);
  }
}

template <typename T, typename Read>
void read_patterns(JsonReader& reader, const char* key, std::vector<std::pair<std::string, T>>& to,
                   const Read& read) {
  auto patterns = reader.optional_child(key);
  if (!patterns) return;
  for (const auto& [name, unused] : patterns->json().items()) {
    check_plain(*patterns, name);
    to.emplace_back(name, read(*patterns, name));
  }
}

Result<AdapterConfig> adapter_config(const JsonDocument& document) {
  JsonReader reader = document.root();
  AdapterConfig out;
  if (const std::string type = reader.string("peft_type"); type != "LORA") {
    reader.fail("peft_type", fmt::format("is '{}', only 'LORA' is supported", type), kMergeWithPeft,
                ErrorKind::kUnsupported);
  }
  refuse_features(reader);
  out.r = reader.integer("r", kAdapterRank);
  out.lora_alpha = reader.number("lora_alpha", kFloat32Range);
  out.use_rslora = reader.boolean_or("use_rslora", false);
  read_patterns(
      reader, "rank_pattern", out.rank_pattern,
      [](JsonReader& at, const std::string& key) { return at.integer(key, kAdapterRank); });
  read_patterns(
      reader, "alpha_pattern", out.alpha_pattern,
      [](JsonReader& at, const std::string& key) { return at.number(key, kFloat32Range); });
  if (reader.has("modules_to_save")) out.modules_to_save = reader.strings("modules_to_save");
  out.base_model = reader.string_or("base_model_name_or_path", "");
  LAP_RETURN_IF_ERROR(document.finish());
  return out;
}

template <typename T>
T first_match(const std::vector<std::pair<std::string, T>>& patterns, std::string_view module,
              T otherwise) {
  for (const auto& [key, value] : patterns) {
    if (pattern_matches(key, module)) return value;
  }
  return otherwise;
}

}  // namespace

Result<AdapterConfig> AdapterConfig::load(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::load(path));
  return adapter_config(document);
}

Result<AdapterConfig> AdapterConfig::parse(std::string_view text, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(text, where));
  return adapter_config(document);
}

bool pattern_matches(std::string_view key, std::string_view module) {
  if (module.size() < key.size()) return false;
  const std::string_view front = module.substr(0, module.size() - key.size());
  const std::string_view end = module.substr(front.size());
  return (front.empty() || front.ends_with('.')) &&
         std::equal(key.begin(), key.end(), end.begin(),
                    [](char want, char is) { return want == '.' || want == is; });
}

int64_t AdapterConfig::rank_of(std::string_view module) const {
  return first_match(rank_pattern, module, r);
}

double AdapterConfig::scale_of(std::string_view module) const {
  const auto rank = static_cast<double>(rank_of(module));
  return first_match(alpha_pattern, module, lora_alpha) / (use_rslora ? std::sqrt(rank) : rank);
}

bool AdapterConfig::is_saved(std::string_view module) const {
  return std::any_of(modules_to_save.begin(), modules_to_save.end(), [&](const std::string& saved) {
    return module == saved || (module.size() > saved.size() && module.ends_with(saved) &&
                               module[module.size() - saved.size() - 1] == '.');
  });
}

}  // namespace lapidary::checkpoint
