#include "gemma4/fixed_vision_encoder.h"

#include <fmt/core.h>

#include <cmath>
#include <string>
#include <vector>

#include "contract/component.h"
#include "contract/ports.h"
#include "gemma4/multimodal_embedder.h"
#include "gemma4/vision_blocks.h"
#include "gemma4/vision_weights.h"
#include "graph/builder.h"
#include "nn/axial_rope_rows.h"
#include "nn/masked_attention.h"

namespace lapidary::gemma4 {
namespace {

namespace ports = contract::ports;

using graph::Builder;
using graph::Ref;

const std::vector<int64_t> kSwapHeads = {0, 2, 1, 3};

class FixedVisionEncoderBuilder {
 public:
  FixedVisionEncoderBuilder(const checkpoint::VisionConfig& config, const VisionWeights& weights,
                            int64_t soft_tokens)
      : vision_(config),
        w_(weights),
        soft_tokens_(soft_tokens),
        patches_(soft_tokens * config.pooling_kernel_size * config.pooling_kernel_size),
        positions_end_(soft_tokens * config.pooling_kernel_size),
        b_(name_of(contract::Component::kVisionEncoder)) {}

  graph::Graph build() {
    declare_inputs();
    Ref soft_tokens;
    {
      const auto tower = b_.enter(kVisionTower);
      Ref hidden = embed_patches(b_, pixel_values_, positions_, positions_end_, w_);
      {
        const auto encoder = b_.enter("encoder");
        read_rotations();
        for (size_t i = 0; i < w_.layers.size(); ++i) {
          const auto layer = b_.enter(fmt::format("layers.{}", i));
          hidden = vision_layer(b_, vision_, w_.layers[i], hidden,
                                [this](const HeadRows& rows) { return attend(rows); });
        }
      }
      soft_tokens = pool(hidden);
    }
    const Ref features =
        embed_soft_tokens(b_, soft_tokens, kEmbedVision, w_.embedding_projection, projection_eps());
    b_.output(ports::kImageFeatures, features, DType::kFloat,
              {soft_tokens_, w_.embedding_projection.shape().front()});
    return std::move(b_).finish();
  }

 private:
  void declare_inputs() {
    const int64_t one = 1;
    pixel_values_ =
        b_.input(ports::kPixelValues, DType::kFloat, {one, patches_, vision_.patch_elements()});
    positions_ = b_.input(ports::kPixelPositionIds, DType::kInt32, {one, patches_, int64_t{2}});
    mask_ = b_.input(ports::kAttentionMask, DType::kFloat, {one, one, one, patches_});
  }

  // What all layers share.
  void read_rotations() {
    const int64_t half = vision_.head_dim / 2;
    const auto frequencies = nn::rope_frequencies(half, vision_.rope_theta, half / 2, 1.0);
    rope_ =
        nn::axial_rope_rows(b_, positions_, patches_, positions_end_, "rotary_emb", frequencies);
  }

  // [1, patches * heads, head_dim] -> [1, heads, patches, head_dim]
  Ref heads_first(const Ref& rows, int64_t heads, const std::string& name) {
    const Ref split =
        b_.op("Reshape", {rows, b_.constant({1, patches_, heads, vision_.head_dim})}, name);
    return b_.op("Transpose", {split}, name, {{"perm", kSwapHeads}});
  }

  Ref rotated(const Ref& rows, int64_t heads, const std::string& name) {
    return nn::apply_axial_rope_rows(b_, heads_first(rows, heads, name), rope_,
                                     {1, heads, patches_, vision_.head_dim}, name);
  }

  Ref attend(const HeadRows& rows) {
    const int64_t heads = vision_.num_attention_heads;
    const int64_t kv_heads = vision_.num_key_value_heads;
    const nn::AttentionShape shape = {heads, kv_heads, vision_.head_dim, 0, 1.0F};
    const Ref output = nn::masked_attention(
        b_, rotated(rows.query, heads, "q_rope"), rotated(rows.key, kv_heads, "k_rope"),
        heads_first(rows.value, kv_heads, "value"), mask_, patches_, shape, "attention");
    const Ref joined = b_.op("Transpose", {output}, "attention.output", {{"perm", kSwapHeads}});
    return b_.op("Reshape", {joined, b_.constant({1, patches_, heads * vision_.head_dim})},
                 "attention.output");
  }

  // The reference multiplies what it pools by this.
  float pooling_factor() const {
    return static_cast<float>(std::sqrt(static_cast<double>(vision_.hidden_size)));
  }
  // A norm does not see a factor, but for its epsilon: norm(f x, eps) = norm(x, eps / f^2). Where
  // nothing stands between pooling and norm, the factor goes there.
  double projection_eps() const {
    const auto square = static_cast<double>(vision_.hidden_size);
    return vision_.standardize ? vision_.rms_norm_eps : vision_.rms_norm_eps / square;
  }

  // [soft_tokens, hidden]: the mean of each cell's patches, which are neighbours.
  Ref pool(const Ref& hidden) {
    const int64_t cell = vision_.pooling_kernel_size * vision_.pooling_kernel_size;
    const Ref cells = b_.op(
        "Reshape", {hidden, b_.constant({soft_tokens_, cell, vision_.hidden_size})}, "pooler");
    const Ref means =
        b_.op("ReduceMean", {cells, b_.constant({1})}, "pooler", {{"keepdims", int64_t{0}}});
    return vision_.standardize ? standardize(b_, means, pooling_factor(), w_) : means;
  }

  const checkpoint::VisionConfig& vision_;
  const VisionWeights& w_;
  const int64_t soft_tokens_, patches_;
  const int64_t positions_end_;  // a picture that is one soft token wide has positions up to here
  Builder b_;
  Ref pixel_values_, positions_, mask_;
  nn::RopeTable rope_;
};

Status check(const checkpoint::VisionConfig& vision, const FixedEncoderForm& form) {
  const int64_t rows = vision.position_embedding_size;
  const int64_t most = rows / vision.pooling_kernel_size;
  if (form.soft_tokens >= 1 && form.soft_tokens <= most) return {};
  return bad_input("vision encoder",
                   fmt::format("cannot have {} soft tokens: its position table has {} rows",
                               form.soft_tokens, rows),
                   fmt::format("choose a number in [1, {}]", most));
}

}  // namespace

Result<graph::Graph> build_fixed_vision_encoder(const checkpoint::Config& config,
                                                const checkpoint::Weights& weights,
                                                const FixedEncoderForm& form) {
  LAP_RETURN_IF_ERROR(check(*config.vision, form));
  LAP_ASSIGN_OR_RETURN(const VisionWeights w, vision_weights(*config.vision, weights));
  return FixedVisionEncoderBuilder(*config.vision, w, form.soft_tokens).build();
}

}  // namespace lapidary::gemma4
