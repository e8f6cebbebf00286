// adapter_config.json of a LoRA adapter, as PEFT writes it (peft 0.21, tuners/lora/config.py).
//
// Followed: r, lora_alpha, use_rslora, rank_pattern, alpha_pattern, modules_to_save. The tensors
// decide which modules are changed, so target_modules and what else selects them is not compared.
// What changes the numbers in another way is refused by name: DoRA, biases, bases that were changed
// before training (PiSSA and its like), and every other key that is called as PEFT calls features
// (use_NAME, NAME_config) and is on. Everything else is training's and is passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lapidary::checkpoint {

struct AdapterConfig {
  int64_t r = 8;
  double lora_alpha = 8;
  bool use_rslora = false;
  // In the file's order: the first key that fits a module counts.
  std::vector<std::pair<std::string, int64_t>> rank_pattern;
  std::vector<std::pair<std::string, double>> alpha_pattern;
  std::vector<std::string> modules_to_save;
  std::string base_model;  // base_model_name_or_path, for messages; empty: not said

  // Errors name the file and the key.
  static Result<AdapterConfig> load(const std::filesystem::path& path);
  static Result<AdapterConfig> parse(std::string_view text, const std::string& where);

  // Of a module by the name it has in the trained model ("model.layers.0.self_attn.q_proj").
  int64_t rank_of(std::string_view module) const;
  // alpha / r, or alpha / sqrt(r) where use_rslora is set.
  double scale_of(std::string_view module) const;
  // Whether the module is in modules_to_save: its name, or what ends it.
  bool is_saved(std::string_view module) const;
};

// Whether PEFT's `(.*\.)?KEY$` matches a module's name, for keys whose only metacharacter is the
// dot, which is any one character (peft 0.21, utils/other.py, get_pattern_key).
bool pattern_matches(std::string_view key, std::string_view module);

}  // namespace lapidary::checkpoint
