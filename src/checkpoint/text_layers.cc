#include "checkpoint/text_layers.h"

#include <fmt/core.h>

namespace lapidary::checkpoint {

std::vector<bool> read_layer_types(JsonReader& reader, int64_t layers, int64_t pattern) {
  std::vector<bool> full(static_cast<size_t>(layers));
  if (!reader.has("layer_types")) {
    reader.ignore({"layer_types"});
    for (size_t i = 0; i < full.size(); ++i) full[i] = (i + 1) % static_cast<size_t>(pattern) == 0;
    return full;
  }
  const std::vector<std::string> types = reader.strings("layer_types");
  if (types.size() != full.size()) {
    reader.fail("layer_types",
                fmt::format("has {} entries, num_hidden_layers is {}", types.size(), layers));
    return full;
  }
  for (size_t i = 0; i < full.size(); ++i) {
    if (types[i] != kFullAttention && types[i] != kSlidingAttention) {
      reader.fail("layer_types", fmt::format("holds '{}', which is not supported", types[i]),
                  "sliding_attention and full_attention are", ErrorKind::kUnsupported);
    }
    full[i] = types[i] == kFullAttention;
  }
  return full;
}

void check_token_id(JsonReader& reader, const char* key, std::optional<int64_t> id,
                    int64_t vocab_size) {
  if (id && *id >= vocab_size) {
    reader.fail(key, fmt::format("is {}, outside the vocabulary of {}", *id, vocab_size));
  }
}

void check_token_ids(JsonReader& reader, const TextConfig& config) {
  check_token_id(reader, "pad_token_id", config.pad_token_id, config.vocab_size);
  check_token_id(reader, "bos_token_id", config.bos_token_id, config.vocab_size);
  for (const int64_t id : config.eos_token_ids) {
    check_token_id(reader, "eos_token_id", id, config.vocab_size);
  }
}

}  // namespace lapidary::checkpoint
