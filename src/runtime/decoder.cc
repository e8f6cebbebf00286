#include "runtime/decoder.h"

#include <algorithm>
#include <string>
#include <utility>

namespace lapidary::runtime {
namespace {

using ort::ElementType;

// The rows of `features` that belong to the next `count` soft tokens; `features` keeps the rest.
std::span<const float> take_rows(std::span<const float>& features, int64_t count, int64_t hidden) {
  const auto floats = std::min(features.size(), static_cast<size_t>(count * hidden));
  const std::span<const float> rows = features.first(floats);
  features = features.subspan(floats);
  return rows;
}

ort::TensorView rows_view(std::span<const float> rows, int64_t hidden) {
  // ONNX Runtime only reads an input, but its type does not say so.
  return {ElementType::kFloat32,
          const_cast<float*>(rows.data()),  // NOLINT(cppcoreguidelines-pro-type-const-cast)
          {static_cast<int64_t>(rows.size()) / hidden, hidden}};
}

bool has_input(const ort::Session& session, const std::string& name) {
  return std::any_of(session.inputs().begin(), session.inputs().end(),
                     [&](const ort::Port& port) { return port.name == name; });
}

}  // namespace

Decoder::Decoder(std::shared_ptr<const TextGraphs> graphs, KvCache cache, ort::Binding embedding,
                 ort::Binding decoder)
    : graphs_(std::move(graphs)),
      cache_(std::move(cache)),
      embedding_(std::move(embedding)),
      decoder_(std::move(decoder)) {
  const auto step = static_cast<size_t>(cache_.max_step());
  const package::TextModel& text = graphs_->text;
  ids_.resize(step);
  embeds_.resize(step * static_cast<size_t>(text.hidden_size));
  per_layer_.resize(step * static_cast<size_t>(text.per_layer_width));
  mask_.assign(static_cast<size_t>(cache_.max_context()), 1);
  scalars_.resize(2);
  tokens_.reserve(static_cast<size_t>(cache_.max_context()));
}

Result<Decoder> Decoder::create(std::shared_ptr<const TextGraphs> graphs,
                                const DecoderOptions& options) {
  const package::TextModel& text = graphs->text;
  const int64_t context = options.max_context > 0 ? options.max_context : text.max_positions;
  if (options.max_context < 0 || context > text.max_positions) {
    return bad_input("context",
                     std::to_string(options.max_context) + " tokens; the model has " +
                         std::to_string(text.max_positions) + " positions",
                     "choose a context in [1, " + std::to_string(text.max_positions) + "]");
  }
  LAP_ASSIGN_OR_RETURN(KvCache cache, KvCache::create(text.caches, text.sliding_window,
                                                      {.max_context = context,
                                                       .max_step = options.chunk,
                                                       .rewind_rows = options.rewind_rows}));
  LAP_ASSIGN_OR_RETURN(ort::Binding embedding, graphs->embedding.bind());
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, graphs->decoder.bind());
  Decoder decoder(std::move(graphs), std::move(cache), std::move(embedding), std::move(binding));
  LAP_RETURN_IF_ERROR(decoder.bind_fixed());
  return decoder;
}

// What never changes its place or shape. A cache is past and present at once: the graph appends the
// new rows in place.
Status Decoder::bind_fixed() {
  for (const KvCache::Layer& layer : cache_.layers()) {
    const std::vector<int64_t> shape = {1, layer.spec.kv_heads, layer.capacity,
                                        layer.spec.head_dim};
    const ort::TensorView key{ElementType::kFloat32, layer.key, shape};
    const ort::TensorView value{ElementType::kFloat32, layer.value, shape};
    LAP_RETURN_IF_ERROR(decoder_.input(port::past_key(layer.spec.layer), key));
    LAP_RETURN_IF_ERROR(decoder_.input(port::past_value(layer.spec.layer), value));
    LAP_RETURN_IF_ERROR(decoder_.output(port::present_key(layer.spec.layer), key));
    LAP_RETURN_IF_ERROR(decoder_.output(port::present_value(layer.spec.layer), value));
  }
  LAP_RETURN_IF_ERROR(
      decoder_.input(port::kLogitsToKeep, {ElementType::kInt64, &scalars_[0], {1}}));
  if (!has_input(graphs_->decoder, port::kSlidingWindowOffset)) return {};
  return decoder_.input(port::kSlidingWindowOffset, {ElementType::kInt64, &scalars_[1], {1}});
}

Status Decoder::bind_tokens(int64_t count) {
  if (count == bound_tokens_) return {};
  bound_tokens_ = 0;
  const package::TextModel& text = graphs_->text;
  const ort::TensorView ids{ElementType::kInt64, ids_.data(), {1, count}};
  const ort::TensorView embeds{ElementType::kFloat32, embeds_.data(), {1, count, text.hidden_size}};
  LAP_RETURN_IF_ERROR(embedding_.input(port::kInputIds, ids));
  LAP_RETURN_IF_ERROR(embedding_.output(port::kInputsEmbeds, embeds));
  LAP_RETURN_IF_ERROR(decoder_.input(port::kInputsEmbeds, embeds));
  if (text.per_layer_width > 0) {
    const ort::TensorView per_layer{
        ElementType::kFloat32, per_layer_.data(), {1, count, text.per_layer_width}};
    LAP_RETURN_IF_ERROR(embedding_.output(port::kPerLayerInputs, per_layer));
    LAP_RETURN_IF_ERROR(decoder_.input(port::kPerLayerInputs, per_layer));
  }
  bound_tokens_ = count;
  return {};
}

Status Decoder::bind_features(const SoftFeatures& features) {
  const bool any = !features.image.empty() || !features.audio.empty();
  if (!any && !features_bound_) return {};  // the graph's default: no rows
  const int64_t hidden = graphs_->text.hidden_size;
  const std::pair<const char*, std::span<const float>> kinds[] = {
      {port::kImageFeatures, features.image}, {port::kAudioFeatures, features.audio}};
  for (const auto& [name, rows] : kinds) {
    if (!has_input(graphs_->embedding, name)) {
      if (rows.empty()) continue;
      return unsupported(graphs_->embedding.path().string(),
                         std::string("has no input '") + name + "'",
                         "use a package of a model that takes this kind of input");
    }
    LAP_RETURN_IF_ERROR(embedding_.input(name, rows_view(rows, hidden)));
  }
  features_bound_ = any;
  return {};
}

Status Decoder::bind_logits(int64_t kept) {
  if (kept == bound_kept_) return {};
  bound_kept_ = 0;
  const int64_t vocab = graphs_->text.vocab_size;
  const auto floats = static_cast<size_t>(kept * vocab);
  if (logits_.size() < floats) logits_.resize(floats);
  LAP_RETURN_IF_ERROR(
      decoder_.output(port::kLogits, {ElementType::kFloat32, logits_.data(), {1, kept, vocab}}));
  bound_kept_ = kept;
  return {};
}

Status Decoder::check_step(std::span<const int32_t> tokens, int64_t logits_to_keep) const {
  if (tokens.empty()) return bad_input("prompt", "is empty");
  if (logits_to_keep < 0 || logits_to_keep > static_cast<int64_t>(tokens.size())) {
    return internal_error("logits_to_keep", "must lie in [0, " + std::to_string(tokens.size()) +
                                                "], is " + std::to_string(logits_to_keep));
  }
  for (const int32_t token : tokens) {
    if (token < 0 || token >= graphs_->text.vocab_size) {
      return bad_input(
          "token id " + std::to_string(token),
          "out of range; the model has " + std::to_string(graphs_->text.vocab_size) + " tokens");
    }
  }
  return {};
}

Result<std::span<const float>> Decoder::step(std::span<const int32_t> tokens,
                                             int64_t logits_to_keep, const SoftFeatures& features) {
  LAP_RETURN_IF_ERROR(check_step(tokens, logits_to_keep));
  const auto count = static_cast<int64_t>(tokens.size());
  const int64_t kept = logits_to_keep > 0 ? logits_to_keep : count;
  LAP_RETURN_IF_ERROR(cache_.prepare(count));
  LAP_RETURN_IF_ERROR(bind_tokens(count));
  LAP_RETURN_IF_ERROR(bind_features(features));
  LAP_RETURN_IF_ERROR(bind_logits(kept));
  LAP_RETURN_IF_ERROR(decoder_.input(
      port::kAttentionMask, {ElementType::kInt64, mask_.data(), {1, cache_.size() + count}}));
  std::copy(tokens.begin(), tokens.end(), ids_.begin());
  scalars_ = {logits_to_keep, cache_.sliding_offset()};
  LAP_RETURN_IF_ERROR(embedding_.run());
  LAP_RETURN_IF_ERROR(decoder_.run());
  cache_.commit(count);
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  return std::span<const float>(logits_.data(),
                                static_cast<size_t>(kept * graphs_->text.vocab_size));
}

Result<std::span<const float>> Decoder::prefill(std::span<const int32_t> tokens,
                                                const SoftFeatures& features,
                                                const CancelToken* cancel) {
  const package::TextModel& text = graphs_->text;
  const auto total = static_cast<int64_t>(tokens.size());
  if (cache_.size() + total > cache_.max_context()) {
    return bad_input("prompt",
                     std::to_string(cache_.size() + total) +
                         " tokens do not fit into a context of " +
                         std::to_string(cache_.max_context()),
                     "shorten it or choose a larger context");
  }
  SoftFeatures rest = features;
  std::span<const float> logits;
  for (size_t begin = 0; begin == 0 || begin < tokens.size();) {
    if (cancel != nullptr && cancel->cancelled()) return cancelled();
    const std::span<const int32_t> part = tokens.subspan(
        begin, std::min(tokens.size() - begin, static_cast<size_t>(cache_.max_step())));
    const auto soft = [&](int64_t id) {
      return id < 0 ? 0 : std::count(part.begin(), part.end(), static_cast<int32_t>(id));
    };
    SoftFeatures now;
    now.image = take_rows(rest.image, soft(text.image_token_id), text.hidden_size);
    now.audio = take_rows(rest.audio, soft(text.audio_token_id), text.hidden_size);
    LAP_ASSIGN_OR_RETURN(logits, step(part, 1, now));
    begin += part.size();
  }
  return logits;
}

int64_t Decoder::keep_common_prefix(std::span<const int32_t> prompt) {
  const size_t limit = std::min(tokens_.size(), prompt.empty() ? 0 : prompt.size() - 1);
  const auto differ = std::mismatch(prompt.begin(), prompt.begin() + static_cast<ptrdiff_t>(limit),
                                    tokens_.begin());
  const int64_t kept = cache_.truncate(differ.first - prompt.begin());
  tokens_.resize(static_cast<size_t>(kept));
  return kept;
}

void Decoder::reset() {
  cache_.reset();
  tokens_.clear();
}

}  // namespace lapidary::runtime
