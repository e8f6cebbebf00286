#include "gemma4/vision_blocks.h"

#include "nn/clipped_linear.h"
#include "nn/gated_mlp.h"
#include "nn/linear.h"
#include "nn/rms_norm.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {
namespace {

using checkpoint::VisionConfig;
using graph::Builder;
using graph::Ref;
using tensor::Tensor;

// Two tables instead of one of two layers: a position beyond its end is an error of Gather then,
// never a row of the other axis.
Ref position_embedding(Builder& b, const Ref& positions, int64_t axis, int64_t rows,
                       const std::string& name, const Tensor& both) {
  const tensor::Shape& shape = both.shape();  // [2, positions, hidden]
  const Tensor flat = tensor::reshape(both, {shape[0] * shape[1], shape[2]});
  const Tensor table = tensor::slice_rows(flat, axis * shape[1], axis * shape[1] + rows);
  const std::string at = "position_embedding_table." + name;
  const Ref ids = b.op("Gather", {positions, b.constant_scalar(axis)}, at, {{"axis", int64_t{2}}});
  return b.op("Gather", {b.weight(at, tensor::cast(table, DType::kFloat)), ids}, at,
              {{"axis", int64_t{0}}});
}

// [batch, patches * heads, head_dim]
Ref project_heads(Builder& b, const VisionConfig& config, const Ref& x, const std::string& name,
                  const nn::ClippedLinearWeights& weights) {
  return b.op("Reshape",
              {nn::clipped_linear(b, x, name, weights), b.constant({0, -1, config.head_dim})},
              name);
}

Ref self_attention(Builder& b, const VisionConfig& config, const VisionLayerWeights& w,
                   const Ref& x, const AttendToPatches& attend) {
  const auto scope = b.enter("self_attn");
  const double eps = config.rms_norm_eps;
  const HeadRows rows = {
      nn::rms_norm(b, project_heads(b, config, x, "q_proj", w.q_proj), "q_norm", w.q_norm, eps),
      nn::rms_norm(b, project_heads(b, config, x, "k_proj", w.k_proj), "k_norm", w.k_norm, eps),
      nn::rms_norm_unscaled(b, project_heads(b, config, x, "v_proj", w.v_proj), "v_norm",
                            config.head_dim, eps)};
  return nn::clipped_linear(b, attend(rows), "o_proj", w.o_proj);
}

}  // namespace

Ref embed_patches(Builder& b, const Ref& centred, const Ref& positions, int64_t position_rows,
                  const VisionWeights& weights) {
  const auto scope = b.enter("patch_embedder");
  const Ref patches = nn::linear(b, centred, "input_proj", weights.input_proj);
  const auto axis = [&](int64_t index, const std::string& name) {
    return position_embedding(b, positions, index, position_rows, name,
                              weights.position_embedding_table);
  };
  const Ref where = b.op("Add", {axis(0, "x"), axis(1, "y")}, "positions");
  return b.op("Add", {patches, where});
}

Ref vision_layer(Builder& b, const VisionConfig& config, const VisionLayerWeights& w,
                 const Ref& hidden, const AttendToPatches& attend) {
  const auto norm = [&](const Ref& x, const std::string& name, const Tensor& weight) {
    return nn::rms_norm(b, x, name, weight, config.rms_norm_eps);
  };
  const Ref attention =
      self_attention(b, config, w, norm(hidden, "input_layernorm", w.input_layernorm), attend);
  const Ref attended =
      b.op("Add", {hidden, norm(attention, "post_attention_layernorm", w.post_attention_layernorm)},
           "self_attn");
  const Ref mlp = nn::clipped_gated_mlp(
      b, norm(attended, "pre_feedforward_layernorm", w.pre_feedforward_layernorm), "mlp", w.mlp);
  return b.op("Add",
              {attended, norm(mlp, "post_feedforward_layernorm", w.post_feedforward_layernorm)},
              "mlp");
}

// As (tokens - bias / factor) (factor scale): the factor costs nothing.
Ref standardize(Builder& b, const Ref& tokens, float factor, const VisionWeights& weights) {
  const auto constant = [&](const std::string& name, const Tensor& values, float by) {
    const Tensor floats = tensor::cast(values, DType::kFloat);
    return b.weight(name, by == 1.0F ? floats : tensor::scale(floats, by));
  };
  const Ref bias = constant("std_bias", *weights.std_bias, 1.0F / factor);
  const Ref scale = constant("std_scale", *weights.std_scale, factor);
  return b.op("Mul", {b.op("Sub", {tokens, bias}, "standardize"), scale}, "standardize");
}

}  // namespace lapidary::gemma4
