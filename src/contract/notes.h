// Keys of what passes note in a graph's metadata for those who come after them: other passes, the
// manifest, the engine.
//
//   graph.metadata[notes::quantization("w_int4")] = "int4, per channel";
//   auto port = notes::name_in("encoding:logits", notes::kEncoding);  // "logits"
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lapidary::contract::notes {

// How an initializer is quantized, in words.
inline constexpr std::string_view kQuantization = "quantization:";
// How an integer port encodes reals: {"dtype": "uint16", "scale": 0.01, "zero_point": 32768}.
inline constexpr std::string_view kEncoding = "encoding:";
// The soft-cap that the host applies to the logits, since the graph ends before it.
inline constexpr const char* kHostLogitSoftcap = "host_logit_softcap";

inline std::string quantization(std::string_view initializer) {
  return std::string(kQuantization) + std::string(initializer);
}
inline std::string encoding(std::string_view port) {
  return std::string(kEncoding) + std::string(port);
}
// What a key speaks of: the name behind `prefix`; nothing when the key has another prefix.
inline std::optional<std::string> name_in(std::string_view key, std::string_view prefix) {
  if (!key.starts_with(prefix)) return std::nullopt;
  return std::string(key.substr(prefix.size()));
}

}  // namespace lapidary::contract::notes
