#include "checkpoint/gguf_names.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lapidary::checkpoint {
namespace {

using GgufName = std::pair<std::string_view, std::string_view>;

constexpr std::array<GgufName, 6> kOfTheModel = {{
    {"token_embd", "model.language_model.embed_tokens"},
    {"output", "lm_head"},
    {"output_norm", "model.language_model.norm"},
    {"per_layer_token_embd", "model.language_model.embed_tokens_per_layer"},
    {"per_layer_model_proj", "model.language_model.per_layer_model_projection"},
    {"per_layer_proj_norm", "model.language_model.per_layer_projection_norm"},
}};

constexpr std::array<GgufName, 16> kOfALayer = {{
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"inp_gate", "per_layer_input_gate"},
    {"proj", "per_layer_projection"},
    {"post_norm", "post_per_layer_input_norm"},
}};

template <size_t N>
const GgufName* row_of(const std::array<GgufName, N>& table, std::string_view name) {
  const auto it = std::find_if(table.begin(), table.end(),
                               [&](const GgufName& row) { return row.first == name; });
  return it == table.end() ? nullptr : &*it;
}

// "12" of "12.ffn_up"; the rest stays in `name`. Empty when that is no number.
std::string_view take_layer(std::string_view& name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot > 4) return {};
  const std::string_view layer = name.substr(0, dot);
  const bool digits =
      std::all_of(layer.begin(), layer.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || (layer.size() > 1 && layer[0] == '0')) return {};
  name.remove_prefix(dot + 1);
  return layer;
}

}  // namespace

std::optional<std::string> hugging_face_name(std::string_view gguf_name) {
  constexpr std::string_view kWeight = ".weight";
  constexpr std::string_view kBlock = "blk.";
  if (!gguf_name.ends_with(kWeight)) return std::nullopt;
  std::string_view name = gguf_name.substr(0, gguf_name.size() - kWeight.size());
  if (!name.starts_with(kBlock)) {
    const GgufName* row = row_of(kOfTheModel, name);
    if (row == nullptr) return std::nullopt;
    return fmt::format("{}.weight", row->second);
  }
  name.remove_prefix(kBlock.size());
  const std::string_view layer = take_layer(name);
  if (layer.empty()) return std::nullopt;
  // A parameter by itself, no module's.
  if (name == "layer_output_scale") {
    return fmt::format("model.language_model.layers.{}.layer_scalar", layer);
  }
  const GgufName* row = row_of(kOfALayer, name);
  if (row == nullptr) return std::nullopt;
  return fmt::format("model.language_model.layers.{}.{}.weight", layer, row->second);
}

}  // namespace lapidary::checkpoint
