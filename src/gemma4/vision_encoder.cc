#include "gemma4/vision_encoder.h"

#include <fmt/core.h>

#include <cmath>
#include <string>

#include "contract/component.h"
#include "contract/ports.h"
#include "gemma4/multimodal_embedder.h"
#include "gemma4/vision_blocks.h"
#include "gemma4/vision_weights.h"
#include "graph/builder.h"
#include "nn/axial_rope.h"
#include "nn/bidirectional_attention.h"
#include "nn/grid_pooling.h"

namespace lapidary::gemma4 {
namespace {

namespace ports = contract::ports;

using graph::Builder;
using graph::Ref;

class VisionEncoderBuilder {
 public:
  VisionEncoderBuilder(const checkpoint::VisionConfig& config, const VisionWeights& weights)
      : vision_(config), w_(weights), b_(name_of(contract::Component::kVisionEncoder)) {}

  graph::Graph build() {
    declare_inputs();
    Ref soft_tokens;
    {
      const auto tower = b_.enter(kVisionTower);
      read_positions();
      hidden_ =
          embed_patches(b_, centred_pixels(), positions_, vision_.position_embedding_size, w_);
      {
        const auto encoder = b_.enter("encoder");
        describe_patches();
        for (size_t i = 0; i < w_.layers.size(); ++i) {
          const auto layer_scope = b_.enter(fmt::format("layers.{}", i));
          hidden_ = vision_layer(b_, vision_, w_.layers[i], hidden_,
                                 [this](const HeadRows& rows) { return attend(rows); });
        }
      }
      soft_tokens = pool();
    }
    const Ref features = embed_soft_tokens(b_, soft_tokens, kEmbedVision, w_.embedding_projection,
                                           vision_.rms_norm_eps);
    b_.output(ports::kImageFeatures, features, DType::kFloat,
              {std::string("num_image_tokens"), w_.embedding_projection.shape().front()});
    return std::move(b_).finish();
  }

 private:
  void declare_inputs() {
    const std::string batch = "batch";
    const std::string patches = "num_patches";
    pixel_values_ =
        b_.input(ports::kPixelValues, DType::kFloat, {batch, patches, vision_.patch_elements()});
    position_ids_ = b_.input(ports::kPixelPositionIds, DType::kInt64, {batch, patches, int64_t{2}});
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

  Ref centred_pixels() {
    const auto scope = b_.enter("patch_embedder");
    const Ref doubled =
        b_.op("Mul", {pixel_values_, b_.constant_scalar(2.0F)}, ports::kPixelValues);
    return b_.op("Sub", {doubled, b_.constant_scalar(1.0F)}, ports::kPixelValues);
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

  Ref attend(const HeadRows& rows) {
    const int64_t heads = vision_.num_attention_heads;
    const int64_t kv_heads = vision_.num_key_value_heads;
    const int64_t head_dim = vision_.head_dim;
    const nn::AttentionShape shape = {heads, kv_heads, head_dim, 0, 1.0F};
    const Ref value =
        b_.op("Reshape", {rows.value, b_.constant({0, -1, kv_heads, head_dim})}, "attention.v");
    return nn::bidirectional_attention(
        b_, nn::apply_axial_rope(b_, rows.query, q_rope_, heads, head_dim, "q_rope"),
        nn::apply_axial_rope(b_, rows.key, k_rope_, kv_heads, head_dim, "k_rope"), value, key_bias_,
        shape, "attention");
  }

  // [soft tokens of all images, hidden]
  Ref pool() {
    const int64_t width = vision_.hidden_size;
    const auto root = static_cast<float>(std::sqrt(static_cast<double>(width)));
    const nn::PooledGrid grid = nn::pool_grid(b_, hidden_, positions_, padding_,
                                              vision_.pooling_kernel_size, root, "pooler");
    const Ref rows = b_.op("Reshape", {grid.cells, b_.constant({-1, width})}, "pooler");
    const Ref is_real = b_.op("Reshape", {grid.is_real, b_.constant({-1})}, "pooler.is_real");
    const Ref tokens = b_.op("Compress", {rows, is_real}, "pooler", {{"axis", int64_t{0}}});
    return vision_.standardize ? standardize(b_, tokens, 1.0F, w_) : tokens;
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
