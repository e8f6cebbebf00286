// The vision tower's tensors and the projection behind it, found in the checkpoint by name and
// handed to the builder as fields.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "checkpoint/vision_config.h"
#include "checkpoint/weights.h"
#include "nn/clipped_linear.h"
#include "nn/gated_mlp.h"
#include "tensor/tensor.h"

namespace lapidary::gemma4 {

inline constexpr const char* kVisionTower = "model.vision_tower";
inline constexpr const char* kEmbedVision = "model.embed_vision";

struct VisionLayerWeights {
  tensor::Tensor input_layernorm, post_attention_layernorm;              // [hidden]
  tensor::Tensor pre_feedforward_layernorm, post_feedforward_layernorm;  // [hidden]
  nn::ClippedLinearWeights q_proj;                                       // [heads * d, hidden]
  nn::ClippedLinearWeights k_proj, v_proj;                               // [kv_heads * d, hidden]
  nn::ClippedLinearWeights o_proj;                                       // [hidden, heads * d]
  tensor::Tensor q_norm, k_norm;                                         // [d]
  nn::ClippedGatedMlpWeights mlp;
};

struct VisionWeights {
  tensor::Tensor input_proj;                // [hidden, patch elements]
  tensor::Tensor position_embedding_table;  // [2, positions, hidden]: for x, for y
  std::vector<VisionLayerWeights> layers;
  std::optional<tensor::Tensor> std_bias, std_scale;  // [hidden]; present with `standardize`
  tensor::Tensor embedding_projection;                // [text hidden, hidden]
};

// Errors: a tensor is missing.
Result<VisionWeights> vision_weights(const checkpoint::VisionConfig& vision,
                                     const checkpoint::Weights& weights);

}  // namespace lapidary::gemma4
