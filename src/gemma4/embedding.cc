#include "gemma4/embedding.h"

#include <cmath>
#include <vector>

#include "gemma4/text_weights.h"
#include "graph/builder.h"
#include "nn/linear.h"
#include "nn/rms_norm.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {
namespace {

using checkpoint::TextConfig;
using graph::Builder;
using graph::Ref;
using tensor::DType;

// Gather from a table, times sqrt(width): Gemma4TextScaledWordEmbedding.
Ref scaled_embedding(Builder& b, const Ref& ids, const std::string& name,
                     const tensor::Tensor& table, int64_t scale_width) {
  const Ref rows =
      b.op("Gather", {b.weight(name + ".weight", tensor::cast(table, DType::kFloat)), ids}, name,
           {{"axis", int64_t{0}}});
  const auto scale = static_cast<float>(std::sqrt(static_cast<double>(scale_width)));
  return b.op("Mul", {rows, b.constant_scalar(scale)}, name);
}

// True where input_ids holds the placeholder.
Ref is_token(Builder& b, const Ref& ids, int64_t token, const std::string& at) {
  return b.op("Equal", {ids, b.constant_scalar(token)}, at);
}

// embeds with the rows under `mask` replaced by the rows of `features`, in order.
Ref place_features(Builder& b, const Ref& embeds, const Ref& mask, const Ref& features,
                   const std::string& at) {
  const Ref where =
      b.op("Transpose", {b.op("NonZero", {mask}, at)}, at, {{"perm", std::vector<int64_t>{1, 0}}});
  return b.op("ScatterND", {embeds, where, features}, at);
}

// (projection of the merged embeddings + the tokens' own rows) / sqrt(2). Soft tokens have no row
// of their own: the pad token's stands in.
Ref per_layer_inputs(Builder& b, const TextConfig& text, const EmbeddingWeights& w, const Ref& ids,
                     const Ref& soft_mask, const Ref& embeds) {
  const int64_t ple = text.hidden_size_per_layer_input;
  const int64_t width = text.num_layers() * ple;
  const Ref pad = b.constant_scalar(text.pad_token_id.value_or(0));
  const Ref token_ids =
      soft_mask.omitted() ? ids : b.op("Where", {soft_mask, pad, ids}, "embed_tokens_per_layer");
  const Ref identity =
      scaled_embedding(b, token_ids, "embed_tokens_per_layer", *w.embed_tokens_per_layer, ple);

  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(text.hidden_size)));
  const Ref raw =
      nn::linear(b, embeds, "per_layer_model_projection", *w.per_layer_model_projection);
  const Ref scaled = b.op("Mul", {raw, b.constant_scalar(scale)}, "per_layer_model_projection");
  const Ref split = b.op("Reshape", {scaled, b.constant({0, 0, text.num_layers(), ple})},
                         "per_layer_projection_norm");
  const Ref normed = nn::rms_norm(b, split, "per_layer_projection_norm",
                                  *w.per_layer_projection_norm, text.rms_norm_eps);
  const Ref projection =
      b.op("Reshape", {normed, b.constant({0, 0, width})}, "per_layer_projection_norm");
  const Ref sum = b.op("Add", {projection, identity}, "per_layer_inputs");
  return b.op("Mul", {sum, b.constant_scalar(static_cast<float>(std::sqrt(0.5)))},
              "per_layer_inputs");
}

struct SoftTokens {
  Ref embeds;
  Ref mask;  // any placeholder, of whatever modality; omitted when the model has none
};

SoftTokens place_soft_tokens(Builder& b, const checkpoint::Config& config, const Ref& ids,
                             Ref embeds) {
  SoftTokens out{std::move(embeds), {}};
  const auto features_input = [&](const std::string& name, const std::string& count) {
    const int64_t hidden = config.text.hidden_size;
    return b.optional_input(name, {count, hidden}, tensor::floats({0, hidden}, {}));
  };
  const auto add_mask = [&](const Ref& mask) {
    out.mask = out.mask.omitted() ? mask : b.op("Or", {out.mask, mask}, "soft_tokens");
  };
  if (config.vision && config.image_token_id) {
    const Ref mask = is_token(b, ids, *config.image_token_id, "image_features");
    out.embeds =
        place_features(b, out.embeds, mask, features_input("image_features", "num_image_tokens"),
                       "image_features");
    add_mask(mask);
  }
  if (config.vision && config.video_token_id) {
    add_mask(is_token(b, ids, *config.video_token_id, "video_features"));
  }
  if (config.audio && config.audio_token_id) {
    const Ref mask = is_token(b, ids, *config.audio_token_id, "audio_features");
    out.embeds =
        place_features(b, out.embeds, mask, features_input("audio_features", "num_audio_tokens"),
                       "audio_features");
    add_mask(mask);
  }
  return out;
}

}  // namespace

Result<graph::Graph> build_embedding(const checkpoint::Config& config,
                                     const checkpoint::Weights& weights) {
  LAP_ASSIGN_OR_RETURN(const EmbeddingWeights w, embedding_weights(config, weights));
  const TextConfig& text = config.text;
  Builder b("embedding");
  const std::string batch = "batch";
  const std::string sequence = "sequence_len";
  const Ref ids = b.input("input_ids", DType::kInt64, {batch, sequence});
  {
    const auto scope = b.enter(kLanguageModel);
    const Ref tokens = scaled_embedding(b, ids, "embed_tokens", w.embed_tokens, text.hidden_size);
    const SoftTokens merged = place_soft_tokens(b, config, ids, tokens);
    if (text.has_per_layer_inputs()) {
      const Ref inputs = per_layer_inputs(b, text, w, ids, merged.mask, merged.embeds);
      const int64_t width = text.num_layers() * text.hidden_size_per_layer_input;
      b.output("inputs_embeds", merged.embeds, DType::kFloat, {batch, sequence, text.hidden_size});
      b.output("per_layer_inputs", inputs, DType::kFloat, {batch, sequence, width});
    } else {
      b.output("inputs_embeds", merged.embeds, DType::kFloat, {batch, sequence, text.hidden_size});
    }
  }
  return std::move(b).finish();
}

}  // namespace lapidary::gemma4
