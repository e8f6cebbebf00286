#include "gemma4/text_weights.h"

#include <fmt/core.h>

#include "gemma4/module_weights.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {
namespace {

tensor::Tensor one_plus(const tensor::Tensor& weight) {
  return tensor::shift(tensor::cast(weight, DType::kFloat), 1.0F);
}

void add_one_to_norms(LayerWeights& w) {
  for (tensor::Tensor* norm :
       {&w.input_layernorm, &w.post_attention_layernorm, &w.pre_feedforward_layernorm,
        &w.post_feedforward_layernorm, &w.q_norm}) {
    *norm = one_plus(*norm);
  }
  if (w.k_norm) w.k_norm = one_plus(*w.k_norm);
}

Result<LayerWeights> layer_weights(const checkpoint::TextConfig& text, int64_t i,
                                   const checkpoint::Weights& weights) {
  ModuleWeights m(weights, fmt::format("{}.layers.{}", kLanguageModel, i));
  LayerWeights w;
  m.read(w.input_layernorm, "input_layernorm.weight");
  m.read(w.post_attention_layernorm, "post_attention_layernorm.weight");
  m.read(w.pre_feedforward_layernorm, "pre_feedforward_layernorm.weight");
  m.read(w.post_feedforward_layernorm, "post_feedforward_layernorm.weight");
  m.read(w.q_proj, "self_attn.q_proj.weight");
  m.read(w.o_proj, "self_attn.o_proj.weight");
  m.read(w.q_norm, "self_attn.q_norm.weight");
  if (!text.is_kv_shared(i)) {
    m.read(w.k_proj, "self_attn.k_proj.weight");
    m.read(w.v_proj, "self_attn.v_proj.weight");
    m.read(w.k_norm, "self_attn.k_norm.weight");
  }
  m.read(w.gate_proj, "mlp.gate_proj.weight");
  m.read(w.up_proj, "mlp.up_proj.weight");
  m.read(w.down_proj, "mlp.down_proj.weight");
  if (text.layer_scalar) m.read(w.layer_scalar, "layer_scalar");
  if (text.has_per_layer_inputs()) {
    m.read(w.per_layer_input_gate, "per_layer_input_gate.weight");
    m.read(w.per_layer_projection, "per_layer_projection.weight");
    m.read(w.post_per_layer_input_norm, "post_per_layer_input_norm.weight");
  }
  LAP_RETURN_IF_ERROR(m.status());
  if (text.norms_multiply_by_1_plus_w) add_one_to_norms(w);
  return w;
}

}  // namespace

Result<DecoderWeights> decoder_weights(const checkpoint::Config& config,
                                       const checkpoint::Weights& weights) {
  DecoderWeights out;
  for (int64_t i = 0; i < config.text.num_layers(); ++i) {
    LAP_ASSIGN_OR_RETURN(LayerWeights layer, layer_weights(config.text, i, weights));
    out.layers.push_back(std::move(layer));
  }
  ModuleWeights m(weights, kLanguageModel);
  m.read(out.norm, "norm.weight");
  if (config.tie_word_embeddings) m.read(out.lm_head, "embed_tokens.weight");
  LAP_RETURN_IF_ERROR(m.status());
  if (config.text.norms_multiply_by_1_plus_w) out.norm = one_plus(out.norm);
  if (!config.tie_word_embeddings) {
    LAP_ASSIGN_OR_RETURN(out.lm_head, weights.tensor("lm_head.weight"));
  }
  return out;
}

Result<EmbeddingWeights> embedding_weights(const checkpoint::Config& config,
                                           const checkpoint::Weights& weights) {
  EmbeddingWeights out;
  ModuleWeights m(weights, kLanguageModel);
  m.read(out.embed_tokens, "embed_tokens.weight");
  if (config.text.has_per_layer_inputs()) {
    m.read(out.embed_tokens_per_layer, "embed_tokens_per_layer.weight");
    m.read(out.per_layer_model_projection, "per_layer_model_projection.weight");
    m.read(out.per_layer_projection_norm, "per_layer_projection_norm.weight");
  }
  LAP_RETURN_IF_ERROR(m.status());
  return out;
}

}  // namespace lapidary::gemma4
