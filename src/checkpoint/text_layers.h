// What the config.json of text models of both families says alike: the kinds of layers, and tokens of
// the vocabulary. Errors are recorded in the reader's document.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/text_config.h"

namespace lapidary::checkpoint {

inline constexpr const char* kSlidingAttention = "sliding_attention";
inline constexpr const char* kFullAttention = "full_attention";

// True where a layer is full attention: `layer_types`, or else every `pattern`-th layer.
std::vector<bool> read_layer_types(JsonReader& reader, int64_t layers, int64_t pattern);

// Refuses an id that is set and lies outside a vocabulary.
void check_token_id(JsonReader& reader, const char* key, std::optional<int64_t> id,
                    int64_t vocab_size);
// The same of pad_token_id, bos_token_id and eos_token_id.
void check_token_ids(JsonReader& reader, const TextConfig& config);

}  // namespace lapidary::checkpoint
