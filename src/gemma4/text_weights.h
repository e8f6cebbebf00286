// The text model's tensors, found in the checkpoint by name and handed to the builders as fields.
// Module paths are those of Hugging Face's Gemma4ForConditionalGeneration.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "tensor/tensor.h"

namespace lapidary::gemma4 {

inline constexpr const char* kLanguageModel = "model.language_model";

// Norms' weights are what the normalized values are multiplied by, whether the checkpoint stores
// that or, as Gemma 3's do, that minus one.
struct LayerWeights {
  tensor::Tensor input_layernorm, post_attention_layernorm;              // [hidden]
  tensor::Tensor pre_feedforward_layernorm, post_feedforward_layernorm;  // [hidden]
  tensor::Tensor q_proj, o_proj;  // [heads * head_dim, hidden], [hidden, heads * head_dim]
  tensor::Tensor q_norm;          // [head_dim]
  // Absent in KV-shared layers (a checkpoint may store them; the reference ignores them too).
  std::optional<tensor::Tensor> k_proj, v_proj;  // [kv_heads * head_dim, hidden]
  std::optional<tensor::Tensor> k_norm;          // [head_dim]
  tensor::Tensor gate_proj, up_proj, down_proj;
  std::optional<tensor::Tensor> layer_scalar;  // [1], present when the model has it
  // Present when the model has per-layer inputs.
  std::optional<tensor::Tensor> per_layer_input_gate;       // [ple, hidden]
  std::optional<tensor::Tensor> per_layer_projection;       // [hidden, ple]
  std::optional<tensor::Tensor> post_per_layer_input_norm;  // [hidden]
};

struct DecoderWeights {
  std::vector<LayerWeights> layers;
  tensor::Tensor norm;     // [hidden]
  tensor::Tensor lm_head;  // [vocab, hidden]; the token embedding when tied
};

struct EmbeddingWeights {
  tensor::Tensor embed_tokens;  // [vocab, hidden]
  // Present when the model has per-layer inputs.
  std::optional<tensor::Tensor> embed_tokens_per_layer;      // [vocab, layers * ple]
  std::optional<tensor::Tensor> per_layer_model_projection;  // [layers * ple, hidden]
  std::optional<tensor::Tensor> per_layer_projection_norm;   // [ple]
};

// Errors: a tensor is missing.
Result<DecoderWeights> decoder_weights(const checkpoint::Config& config,
                                       const checkpoint::Weights& weights);
Result<EmbeddingWeights> embedding_weights(const checkpoint::Config& config,
                                           const checkpoint::Weights& weights);

}  // namespace lapidary::gemma4
