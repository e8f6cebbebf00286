// Names of the graphs' inputs and outputs. The builders of gemma4/ give them, passes keep or add to
// them, engines and encoders bind by them. Most are Hugging Face's; those of keys and values are
// what ONNX Runtime GenAI expects.
//
//   ports::past_key(3)           // "past_key_values.3.key"
//   ports::attention_mask(true)  // "attention_mask.sliding_attention": of layers with a window
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lapidary::contract::ports {

// --- Encoders ---
inline constexpr const char* kPixelValues = "pixel_values";               // vision
inline constexpr const char* kPixelPositionIds = "pixel_position_ids";    // vision
inline constexpr const char* kInputFeatures = "input_features";           // audio
inline constexpr const char* kInputFeaturesMask = "input_features_mask";  // audio, any length
inline constexpr const char* kSubsampledMask = "subsampled_mask";         // audio, fixed length
inline constexpr const char* kImageFeatures = "image_features";           // of vision, to embedding
inline constexpr const char* kAudioFeatures = "audio_features";           // of audio, to embedding

// --- Embedding and decoder ---
inline constexpr const char* kInputIds = "input_ids";
inline constexpr const char* kInputsEmbeds = "inputs_embeds";
inline constexpr const char* kPerLayerInputs = "per_layer_inputs";
inline constexpr const char* kAttentionMask = "attention_mask";  // encoders of fixed length as well
inline constexpr const char* kLogitsToKeep = "logits_to_keep";
inline constexpr const char* kSlidingWindowOffset = "sliding_window_offset";
inline constexpr const char* kMmTokenTypeIds = "mm_token_type_ids";
inline constexpr const char* kLogits = "logits";

// Keys and values of a layer that owns a cache, before a run and after it.
inline constexpr const char* kPastPrefix = "past_key_values.";
inline constexpr const char* kPresentPrefix = "present.";
inline constexpr const char* kKeySuffix = ".key";
inline constexpr const char* kValueSuffix = ".value";
// `layer`: its number, or what stands for any, as "%d" does for ONNX Runtime GenAI.
inline std::string past_key(const std::string& layer) { return kPastPrefix + layer + kKeySuffix; }
inline std::string past_value(const std::string& layer) {
  return kPastPrefix + layer + kValueSuffix;
}
inline std::string present_key(const std::string& layer) {
  return kPresentPrefix + layer + kKeySuffix;
}
inline std::string present_value(const std::string& layer) {
  return kPresentPrefix + layer + kValueSuffix;
}
inline std::string past_key(int64_t layer) { return past_key(std::to_string(layer)); }
inline std::string past_value(int64_t layer) { return past_value(std::to_string(layer)); }
inline std::string present_key(int64_t layer) { return present_key(std::to_string(layer)); }
inline std::string present_value(int64_t layer) { return present_value(std::to_string(layer)); }
inline bool is_past(std::string_view name) { return name.starts_with(kPastPrefix); }

// --- Decoders of fixed lengths: masks and rotary tables for each kind of layer, as text_config's
// layer_types names it ---
inline constexpr const char* kSlidingAttention = "sliding_attention";
inline constexpr const char* kFullAttention = "full_attention";
inline constexpr const char* kMaskPrefix = "attention_mask.";
inline constexpr const char* kRotaryPrefix = "rotary_emb.";
constexpr const char* attention_kind(bool sliding) {
  return sliding ? kSlidingAttention : kFullAttention;
}
inline std::string attention_mask(bool sliding) {
  return std::string(kMaskPrefix) + attention_kind(sliding);
}
// What decoders of any length call the nodes that compute a kind's tables. Passes that make the
// tables inputs find them by it.
inline std::string rotary_table(const std::string& kind) { return kRotaryPrefix + kind; }
inline constexpr const char* kCosSuffix = ".cos";
inline constexpr const char* kSinSuffix = ".sin";
inline std::string rotary_cos(const std::string& kind) { return rotary_table(kind) + kCosSuffix; }
inline std::string rotary_sin(const std::string& kind) { return rotary_table(kind) + kSinSuffix; }

}  // namespace lapidary::contract::ports
