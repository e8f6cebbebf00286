#include "gemma4/vision_weights.h"

#include <fmt/core.h>

#include <string>

#include "gemma4/module_weights.h"

namespace lapidary::gemma4 {
namespace {

Result<VisionLayerWeights> layer_weights(const checkpoint::VisionConfig& vision, int64_t i,
                                         const checkpoint::Weights& weights) {
  const bool clipped = vision.use_clipped_linears;
  ModuleWeights m(weights, fmt::format("{}.encoder.layers.{}", kVisionTower, i));
  VisionLayerWeights w;
  m.read(w.input_layernorm, "input_layernorm.weight");
  m.read(w.post_attention_layernorm, "post_attention_layernorm.weight");
  m.read(w.pre_feedforward_layernorm, "pre_feedforward_layernorm.weight");
  m.read(w.post_feedforward_layernorm, "post_feedforward_layernorm.weight");
  m.read(w.q_proj, "self_attn.q_proj", clipped);
  m.read(w.k_proj, "self_attn.k_proj", clipped);
  m.read(w.v_proj, "self_attn.v_proj", clipped);
  m.read(w.o_proj, "self_attn.o_proj", clipped);
  m.read(w.q_norm, "self_attn.q_norm.weight");
  m.read(w.k_norm, "self_attn.k_norm.weight");
  m.read(w.mlp.gate_proj, "mlp.gate_proj", clipped);
  m.read(w.mlp.up_proj, "mlp.up_proj", clipped);
  m.read(w.mlp.down_proj, "mlp.down_proj", clipped);
  LAP_RETURN_IF_ERROR(m.status());
  return w;
}

}  // namespace

Result<VisionWeights> vision_weights(const checkpoint::VisionConfig& vision,
                                     const checkpoint::Weights& weights) {
  VisionWeights out;
  ModuleWeights tower(weights, kVisionTower);
  tower.read(out.input_proj, "patch_embedder.input_proj.weight");
  tower.read(out.position_embedding_table, "patch_embedder.position_embedding_table");
  if (vision.standardize) {
    tower.read(out.std_bias, "std_bias");
    tower.read(out.std_scale, "std_scale");
  }
  LAP_RETURN_IF_ERROR(tower.status());
  for (int64_t i = 0; i < vision.num_hidden_layers; ++i) {
    LAP_ASSIGN_OR_RETURN(VisionLayerWeights layer, layer_weights(vision, i, weights));
    out.layers.push_back(std::move(layer));
  }
  ModuleWeights embedder(weights, kEmbedVision);
  embedder.read(out.embedding_projection, "embedding_projection.weight");
  LAP_RETURN_IF_ERROR(embedder.status());
  return out;
}

}  // namespace lapidary::gemma4
