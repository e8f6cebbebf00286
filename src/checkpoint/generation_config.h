// generation_config.json: how the checkpoint's makers want text to be generated. Defaults are those
// that transformers 5.23 generates with when a key is absent or null.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/config.h"

namespace lapidary::checkpoint {

struct GenerationConfig {
  std::optional<int64_t> bos_token_id;
  std::optional<int64_t> pad_token_id;
  std::vector<int64_t> eos_token_ids;  // any of them ends a text

  bool do_sample = false;
  double temperature = 1.0;  // > 0
  int64_t top_k = 50;        // 0: all tokens
  double top_p = 1.0;        // (0, 1]
  std::optional<double> min_p;
  double repetition_penalty = 1.0;  // > 0

  std::optional<int64_t> max_new_tokens;
  std::optional<int64_t> max_length;  // prompt and answer together
  std::optional<int64_t> min_new_tokens;
  std::vector<std::string> stop_strings;

  // Keys that are set and would change the text in transformers, but are not followed here (beam
  // search, n-gram bans, ...), and keys unknown to transformers 5.24. In file order.
  std::vector<std::string> ignored_keys;

  // Token ids that the file leaves out come from `config`.
  static Result<GenerationConfig> load(const std::filesystem::path& path, const Config& config);
  static Result<GenerationConfig> parse(std::string_view text, const std::string& where,
                                        const Config& config);
  // For a checkpoint without the file.
  static GenerationConfig from_config(const Config& config);
};

}  // namespace lapidary::checkpoint
