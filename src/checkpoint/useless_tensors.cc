#include "checkpoint/useless_tensors.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "base/text.h"

namespace lapidary::checkpoint {
namespace {

// A buffer is known by its own name and the module that holds it.
struct ComputedBuffer {
  std::string_view module_begins;  // the last part of the module's name
  std::string_view name_ends;
};
constexpr std::array kComputedBuffers = {
    ComputedBuffer{"rotary_emb", "inv_freq"},       // full_attention_inv_freq, original_inv_freq
    ComputedBuffer{"rotary_emb", "cos_cached"},     // before transformers 4.38
    ComputedBuffer{"rotary_emb", "sin_cached"},     //
    ComputedBuffer{"embed_tokens", "embed_scale"},  // embed_tokens_per_layer as well
    ComputedBuffer{"rel_pos_enc", "inv_timescales"},
    ComputedBuffer{"self_attn", "softcap"},
    ComputedBuffer{"language_model", "per_layer_input_scale"},
    ComputedBuffer{"language_model", "per_layer_projection_scale"},
    ComputedBuffer{"", "position_ids"}};
constexpr std::array<std::string_view, 4> kTowers = {"model.vision_tower.", "model.embed_vision.",
                                                     "model.audio_tower.", "model.embed_audio."};

// Of a layer without keys and values of its own.
bool is_unused_key_or_value(const TextConfig& text, std::string_view name) {
  constexpr std::string_view kLayers = "model.language_model.layers.";
  if (!name.starts_with(kLayers)) return false;
  name.remove_prefix(kLayers.size());
  int64_t layer = 0;
  const auto number = std::from_chars(name.data(), name.data() + name.size(), layer);
  if (number.ec != std::errc() || layer < 0 || layer >= text.num_layers()) return false;
  name.remove_prefix(static_cast<size_t>(number.ptr - name.data()));
  return text.is_kv_shared(layer) &&
         (name.starts_with(".self_attn.k_") || name.starts_with(".self_attn.v_"));
}

void note_useless(const std::string& what, int64_t count, std::vector<std::string>& notes) {
  if (count > 0) notes.push_back(fmt::format("{} passed over: {}", counted(count, "tensor"), what));
}

}  // namespace

bool is_computed_buffer(std::string_view name) {
  const size_t dot = name.rfind('.');
  const std::string_view own = dot == std::string_view::npos ? name : name.substr(dot + 1);
  std::string_view module = dot == std::string_view::npos ? "" : name.substr(0, dot);
  if (const size_t last = module.rfind('.'); last != std::string_view::npos) {
    module = module.substr(last + 1);
  }
  const auto fits = [&](const ComputedBuffer& buffer) {
    return module.starts_with(buffer.module_begins) &&
           (own == buffer.name_ends || own.ends_with(fmt::format("_{}", buffer.name_ends)));
  };
  return std::any_of(kComputedBuffers.begin(), kComputedBuffers.end(), fits);
}

void drop_useless_tensors(const Config& config, Weights& weights, std::vector<std::string>& notes) {
  const bool text_only = !config.vision && !config.audio;
  int64_t buffers = 0;
  int64_t towers = 0;
  int64_t keys_and_values = 0;
  for (const std::string& name : weights.names()) {
    const auto begins = [&](std::string_view tower) { return name.starts_with(tower); };
    if (text_only && std::any_of(kTowers.begin(), kTowers.end(), begins)) {
      ++towers;
      weights.erase(name);
    } else if (is_computed_buffer(name)) {
      ++buffers;
      weights.erase(name);
    } else if (is_unused_key_or_value(config.text, name)) {
      ++keys_and_values;
      // It has no weight in Gemma 4; transformers passes over one here, and here alone.
      if (name.ends_with(".v_norm.weight")) weights.erase(name);
    }
  }
  note_useless("config.json has text alone, they are of towers", towers, notes);
  note_useless("rotary tables and scales, which config.json determines", buffers, notes);
  note_useless("keys and values of layers that use another layer's", keys_and_values, notes);
}

}  // namespace lapidary::checkpoint
