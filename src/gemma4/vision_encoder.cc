#include "gemma4/vision_encoder.h"

#include <cmath>
#include <string>

#include "gemma4/multimodal_embedder.h"
#include "gemma4/vision_weights.h"
#include "graph/builder.h"
#include "nn/axial_rope.h"
#include "nn/bidirectional_attention.h"
#include "nn/clipped_linear.h"
#include "nn/gated_mlp.h"
#include "nn/grid_pooling.h"
#include "nn/linear.h"
#include "nn/rms_norm.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {
namespace {

using graph::Builder;
using graph::Ref;
using tensor::DType;

class VisionEncoderBuilder {
 public:
  VisionEncoderBuilder(const checkpoint::VisionConfig& config, const VisionWeights& weights)
      : vision_(config), w_(weights), b_("vision_encoder") {}

  graph::Graph build() {
    declare_inputs();
    Ref soft_tokens;
    {
      const auto tower = b_.enter(kVisionTower);
      read_positions();
      embed_patches();
      {
        const auto encoder = b_.enter("encoder");
        describe_patches();
        for (size_t i = 0; i < w_.layers.size(); ++i) {
          const auto layer_scope = b_.enter("layers." + std::to_string(i));
          layer(w_.layers[i]);
        }
      }
      soft_tokens = pool();
    }
    const Ref features = embed_soft_tokens(b_, soft_tokens, kEmbedVision, w_.embedding_projection,
                                           vision_.rms_norm_eps);
    b_.output("image_features", features, DType::kFloat,
              {std::string("num_image_tokens"), w_.embedding_projection.shape().front()});
    return std::move(b_).finish();
  }

 private:
  Ref norm(const Ref& x, const std::string& name, const tensor::Tensor& weight) {
    return nn::rms_norm(b_, x, name, weight, vision_.rms_norm_eps);
  }

  void declare_inputs() {
    const std::string batch = "batch";
    const std::string patches = "num_patches";
    pixel_values_ =
        b_.input("pixel_values", DType::kFloat, {batch, patches, vision_.patch_elements()});
    position_ids_ = b_.input("pixel_position_ids", DType::kInt64, {batch, patches, int64_t{2}});
  }

  // The reference zeroes what padding holds at several places. Here nothing reads it: it is masked
  // as keys and belongs to no cell of the pooling.
  void read_positions() {
    const auto scope = b_.enter("positions");
    const Ref zero = b_.constant_scalar(int64_t{0});
    const Ref largest = b_.op("ReduceMax", {position_ids_, b_.constant({2})}, "padding",
                              {{"keepdims", int64_t{0}}});
    padding_ = b_.op("Less", {largest, zero}, "padding");
    positions_ = b_.op("Max", {position_ids_, zero});
  }

  void embed_patches() {
    const auto scope = b_.enter("patch_embedder");
    const Ref doubled = b_.op("Mul", {pixel_values_, b_.constant_scalar(2.0F)}, "pixel_values");
    const Ref centred = b_.op("Sub", {doubled, b_.constant_scalar(1.0F)}, "pixel_values");
    const Ref patches = nn::linear(b_, centred, "input_proj", w_.input_proj);
    const Ref where =
        b_.op("Add", {position_embedding(0, "x"), position_embedding(1, "y")}, "positions");
    hidden_ = b_.op("Add", {patches, where});
  }

  // Two tables instead of one of two layers: a position beyond its end is an error of Gather then,
  // never a row of the other axis.
  Ref position_embedding(int64_t axis, const std::string& name) {
    const tensor::Tensor& both = w_.position_embedding_table;
    const tensor::Tensor table = tensor::reshape(tensor::slice_rows(both, axis, axis + 1),
                                                 {both.shape()[1], both.shape()[2]});
    const std::string at = "position_embedding_table." + name;
    const Ref ids =
        b_.op("Gather", {positions_, b_.constant_scalar(axis)}, at, {{"axis", int64_t{2}}});
    return b_.op("Gather", {b_.weight(at, tensor::cast(table, DType::kFloat)), ids}, at,
                 {{"axis", int64_t{0}}});
  }

  // What all layers share.
  void describe_patches() {
    const int64_t half = vision_.head_dim / 2;
    const auto frequencies = nn::rope_frequencies(half, vision_.rope_theta, half / 2, 1.0);
    const int64_t heads = vision_.num_attention_heads;
    const int64_t kv_heads = vision_.num_key_value_heads;
    q_rope_ = nn::axial_rope_table(b_, positions_, heads, "rotary_emb", frequencies);
    k_rope_ = kv_heads == heads
                  ? q_rope_
                  : nn::axial_rope_table(b_, positions_, kv_heads, "rotary_emb.kv", frequencies);
    key_bias_ = nn::key_bias(b_, padding_, kv_heads, "attention_mask");
  }

  void layer(const VisionLayerWeights& w) {
    const Ref attention = self_attention(w, norm(hidden_, "input_layernorm", w.input_layernorm));
    hidden_ = b_.op(
        "Add", {hidden_, norm(attention, "post_attention_layernorm", w.post_attention_layernorm)},
        "self_attn");
    const Ref mlp = nn::clipped_gated_mlp(
        b_, norm(hidden_, "pre_feedforward_layernorm", w.pre_feedforward_layernorm), "mlp", w.mlp);
    hidden_ = b_.op(
        "Add", {hidden_, norm(mlp, "post_feedforward_layernorm", w.post_feedforward_layernorm)},
        "mlp");
  }

  // [batch, patches, heads, head_dim]
  Ref heads(const Ref& x, const std::string& name, int64_t count,
            const nn::ClippedLinearWeights& weights) {
    return b_.op(
        "Reshape",
        {nn::clipped_linear(b_, x, name, weights), b_.constant({0, 0, count, vision_.head_dim})},
        name);
  }

  Ref self_attention(const VisionLayerWeights& w, const Ref& x) {
    const auto scope = b_.enter("self_attn");
    const int64_t q_heads = vision_.num_attention_heads;
    const int64_t kv_heads = vision_.num_key_value_heads;
    const int64_t head_dim = vision_.head_dim;
    const Ref q = norm(heads(x, "q_proj", q_heads, w.q_proj), "q_norm", w.q_norm);
    const Ref k = norm(heads(x, "k_proj", kv_heads, w.k_proj), "k_norm", w.k_norm);
    const Ref v = nn::rms_norm_unscaled(b_, heads(x, "v_proj", kv_heads, w.v_proj), "v_norm",
                                        head_dim, vision_.rms_norm_eps);
    const nn::AttentionShape shape = {q_heads, kv_heads, head_dim, 0, 1.0F};
    const Ref attended = nn::bidirectional_attention(
        b_, nn::apply_axial_rope(b_, q, q_rope_, q_heads, head_dim, "q_rope"),
        nn::apply_axial_rope(b_, k, k_rope_, kv_heads, head_dim, "k_rope"), v, key_bias_, shape,
        "attention");
    return nn::clipped_linear(b_, attended, "o_proj", w.o_proj);
  }

  // [soft tokens of all images, hidden]
  Ref pool() {
    const int64_t width = vision_.hidden_size;
    const auto root = static_cast<float>(std::sqrt(static_cast<double>(width)));
    const nn::PooledGrid grid = nn::pool_grid(b_, hidden_, positions_, padding_,
                                              vision_.pooling_kernel_size, root, "pooler");
    const Ref rows = b_.op("Reshape", {grid.cells, b_.constant({-1, width})}, "pooler");
    const Ref is_real = b_.op("Reshape", {grid.is_real, b_.constant({-1})}, "pooler.is_real");
    Ref tokens = b_.op("Compress", {rows, is_real}, "pooler", {{"axis", int64_t{0}}});
    if (!vision_.standardize) return tokens;
    const Ref bias = b_.weight("std_bias", tensor::cast(*w_.std_bias, DType::kFloat));
    const Ref scale = b_.weight("std_scale", tensor::cast(*w_.std_scale, DType::kFloat));
    return b_.op("Mul", {b_.op("Sub", {tokens, bias}, "standardize"), scale}, "standardize");
  }

  const checkpoint::VisionConfig& vision_;
  const VisionWeights& w_;
  Builder b_;
  Ref pixel_values_, position_ids_;
  Ref padding_;    // [batch, patches] bool
  Ref positions_;  // [batch, patches, 2], 0 where there is padding
  Ref hidden_;     // the residual stream
  nn::RopeTable q_rope_, k_rope_;
  nn::KeyBias key_bias_;
};

}  // namespace

Result<graph::Graph> build_vision_encoder(const checkpoint::Config& config,
                                          const checkpoint::Weights& weights) {
  LAP_ASSIGN_OR_RETURN(const VisionWeights w, vision_weights(*config.vision, weights));
  return VisionEncoderBuilder(*config.vision, w).build();
}

}  // namespace lapidary::gemma4
