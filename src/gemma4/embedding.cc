#include "gemma4/embedding.h"

#include <cmath>
#include <optional>
#include <vector>

#include "contract/component.h"
#include "contract/ports.h"
#include "gemma4/text_weights.h"
#include "graph/builder.h"
#include "nn/linear.h"
#include "nn/rms_norm.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {
namespace {

namespace ports = contract::ports;

using checkpoint::TextConfig;
using graph::Builder;
using graph::Ref;

// Gather from a table, times sqrt(width): Gemma4TextScaledWordEmbedding.
Ref scaled_embedding(Builder& b, const Ref& ids, const std::string& name,
                     const tensor::Tensor& table, int64_t scale_width) {
  const Ref rows =
      b.op("Gather", {b.weight(name + ".weight", tensor::cast(table, DType::kFloat)), ids}, name,
           {{"axis", int64_t{0}}});
  const auto scale = static_cast<float>(std::sqrt(static_cast<double>(scale_width)));
  return b.op("Mul", {rows, b.constant_scalar(scale)}, name);
}

// True where input_ids holds one of the placeholders; omitted when there is none.
Ref is_any_of(Builder& b, const Ref& ids, const std::vector<std::optional<int64_t>>& tokens,
              const std::string& at) {
  Ref mask;
  for (const auto& token : tokens) {
    if (!token) continue;
    const Ref here = b.op("Equal", {ids, b.constant_scalar(*token)}, at);
    mask = mask.omitted() ? here : b.op("Or", {mask, here}, at);
  }
  return mask;
}

// embeds with the rows under `mask` replaced by the rows of `features`, in order. Placeholders
// beyond the last feature stay as they are.
Ref place_features(Builder& b, const Ref& embeds, const Ref& mask, const Ref& features,
                   const std::string& at) {
  const Ref everywhere =
      b.op("Transpose", {b.op("NonZero", {mask}, at)}, at, {{"perm", std::vector<int64_t>{1, 0}}});
  const Ref count = b.op("Shape", {features}, at, {{"start", int64_t{0}}, {"end", int64_t{1}}});
  const Ref where = b.op("Slice", {everywhere, b.constant({0}), count, b.constant({0})}, at);
  return b.op("ScatterND", {embeds, where, features}, at);
}

// (projection of the merged embeddings + the tokens' own rows) / sqrt(2).
Ref per_layer_inputs(Builder& b, const TextConfig& text, const EmbeddingWeights& w, const Ref& ids,
                     const Ref& embeds) {
  const int64_t ple = text.hidden_size_per_layer_input;
  const int64_t width = text.num_layers() * ple;
  const Ref identity =
      scaled_embedding(b, ids, "embed_tokens_per_layer", *w.embed_tokens_per_layer, ple);

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
  const Ref sum = b.op("Add", {projection, identity}, ports::kPerLayerInputs);
  return b.op("Mul", {sum, b.constant_scalar(static_cast<float>(std::sqrt(0.5)))},
              ports::kPerLayerInputs);
}

// input_ids with <pad> for every placeholder, of whatever medium and whether or not the model has
// its tower: placeholders have no rows of their own in either table.
Ref pad_placeholders(Builder& b, const checkpoint::Config& config, const Ref& ids) {
  const Ref mask = is_any_of(
      b, ids, {config.image_token_id, config.video_token_id, config.audio_token_id}, "soft_tokens");
  if (mask.omitted()) return ids;
  const Ref pad = b.constant_scalar(config.text.pad_token_id.value_or(0));
  return b.op("Where", {mask, pad, ids}, "soft_tokens");
}

Ref place_soft_tokens(Builder& b, const checkpoint::Config& config, const Ref& ids, Ref embeds) {
  const auto place = [&](const std::vector<std::optional<int64_t>>& tokens, const std::string& name,
                         const std::string& count) {
    const Ref features = b.input(name, DType::kFloat, {count, config.text.hidden_size});
    embeds = place_features(b, embeds, is_any_of(b, ids, tokens, name), features, name);
  };
  // A config with a tower has its placeholder (checkpoint::Config); frames of videos go through the
  // vision encoder as images do.
  if (config.vision) {
    place({config.image_token_id, config.video_token_id}, ports::kImageFeatures,
          "num_image_tokens");
  }
  if (config.audio) place({config.audio_token_id}, ports::kAudioFeatures, "num_audio_tokens");
  return embeds;
}

}  // namespace

Result<graph::Graph> build_embedding(const checkpoint::Config& config,
                                     const checkpoint::Weights& weights) {
  LAP_ASSIGN_OR_RETURN(const EmbeddingWeights w, embedding_weights(config, weights));
  const TextConfig& text = config.text;
  Builder b(name_of(contract::Component::kEmbedding));
  const std::string batch = "batch";
  const std::string sequence = "sequence_len";
  const Ref ids = b.input(ports::kInputIds, DType::kInt64, {batch, sequence});
  {
    const auto scope = b.enter(kLanguageModel);
    const Ref text_ids = pad_placeholders(b, config, ids);
    const Ref tokens =
        scaled_embedding(b, text_ids, "embed_tokens", w.embed_tokens, text.hidden_size);
    const Ref merged = place_soft_tokens(b, config, ids, tokens);
    if (text.has_per_layer_inputs()) {
      const Ref inputs = per_layer_inputs(b, text, w, text_ids, merged);
      const int64_t width = text.num_layers() * text.hidden_size_per_layer_input;
      b.output(ports::kInputsEmbeds, merged, DType::kFloat, {batch, sequence, text.hidden_size});
      b.output(ports::kPerLayerInputs, inputs, DType::kFloat, {batch, sequence, width});
    } else {
      b.output(ports::kInputsEmbeds, merged, DType::kFloat, {batch, sequence, text.hidden_size});
    }
  }
  return std::move(b).finish();
}

}  // namespace lapidary::gemma4
