#include "runtime/decoder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/soft_blocks.h"

namespace lapidary::runtime {
namespace {

using ort::ElementType;

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
  if (text.vision_bidirectional_attention) token_types_.resize(step);
  held_.ids.reserve(static_cast<size_t>(cache_.max_context()));
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

Status Decoder::bind_features(std::span<const SoftBlock> blocks, const Range& positions) {
  const int64_t hidden = graphs_->text.hidden_size;
  const auto image = soft_rows(blocks, Medium::kImage, positions, hidden, image_rows_);
  const auto audio = soft_rows(blocks, Medium::kAudio, positions, hidden, audio_rows_);
  const bool none = image.empty() && audio.empty();
  if (none && no_features_bound_) return {};
  no_features_bound_ = false;
  const std::pair<const char*, std::span<const float>> kinds[] = {{port::kImageFeatures, image},
                                                                  {port::kAudioFeatures, audio}};
  for (const auto& [name, rows] : kinds) {
    if (has_input(graphs_->embedding, name)) {
      const int64_t count = static_cast<int64_t>(rows.size()) / hidden;
      LAP_RETURN_IF_ERROR(embedding_.input(name, ort::input_view(rows, {count, hidden})));
    } else if (!rows.empty()) {
      return unsupported(graphs_->embedding.path().string(),
                         std::string("has no input '") + name + "'",
                         "use a package of a model that takes this kind of input");
    }
  }
  no_features_bound_ = none;
  return {};
}

Status Decoder::bind_token_types(std::span<const SoftBlock> blocks, const Range& positions) {
  if (token_types_.empty()) return {};
  write_token_types(blocks, positions, token_types_);
  return decoder_.input(
      port::kMmTokenTypeIds,
      {ElementType::kInt64, token_types_.data(), {1, positions.end - positions.begin}});
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

Status Decoder::check_prompt(const Prompt& prompt) const {
  const auto total = static_cast<int64_t>(prompt.ids.size());
  if (total > cache_.max_context()) {
    return bad_input("prompt",
                     std::to_string(total) + " tokens do not fit into a context of " +
                         std::to_string(cache_.max_context()),
                     "shorten it or choose a larger context");
  }
  LAP_RETURN_IF_ERROR(check_blocks(prompt, graphs_->text.hidden_size));
  if (prompt.ids.empty()) return bad_input("prompt", "is empty");
  if (total <= cache_.size()) return bad_input("prompt", "has nothing beyond the tokens held");
  const bool whole_images = graphs_->text.vision_bidirectional_attention;
  if (common_prefix(held_, prompt, whole_images) != cache_.size()) {
    return internal_error("prompt", "does not begin with the tokens held");
  }
  return {};
}

Result<std::span<const float>> Decoder::step(std::span<const int32_t> tokens,
                                             int64_t logits_to_keep) {
  return run(tokens, logits_to_keep, {});
}

Result<std::span<const float>> Decoder::run(std::span<const int32_t> tokens, int64_t logits_to_keep,
                                            std::span<const SoftBlock> blocks) {
  LAP_RETURN_IF_ERROR(check_step(tokens, logits_to_keep));
  const auto count = static_cast<int64_t>(tokens.size());
  const Range positions = {cache_.size(), cache_.size() + count};
  const int64_t kept = logits_to_keep > 0 ? logits_to_keep : count;
  LAP_RETURN_IF_ERROR(cache_.prepare(count));
  LAP_RETURN_IF_ERROR(bind_tokens(count));
  LAP_RETURN_IF_ERROR(bind_features(blocks, positions));
  LAP_RETURN_IF_ERROR(bind_token_types(blocks, positions));
  LAP_RETURN_IF_ERROR(bind_logits(kept));
  LAP_RETURN_IF_ERROR(decoder_.input(port::kAttentionMask,
                                     {ElementType::kInt64, mask_.data(), {1, positions.end}}));
  std::copy(tokens.begin(), tokens.end(), ids_.begin());
  scalars_ = {logits_to_keep, cache_.sliding_offset()};
  LAP_RETURN_IF_ERROR(embedding_.run());
  LAP_RETURN_IF_ERROR(decoder_.run());
  cache_.commit(count);
  held_.ids.insert(held_.ids.end(), tokens.begin(), tokens.end());
  for (const SoftBlock& block : blocks) {
    const bool begins_here = positions.begin <= block.begin && block.begin < positions.end;
    if (begins_here) held_.blocks.push_back(block);
  }
  return std::span<const float>(logits_.data(),
                                static_cast<size_t>(kept * graphs_->text.vocab_size));
}

Result<std::span<const float>> Decoder::prefill(const Prompt& prompt, const CancelToken* cancel) {
  LAP_RETURN_IF_ERROR(check_prompt(prompt));
  const std::vector<Range> whole = graphs_->text.vision_bidirectional_attention
                                       ? image_runs(prompt.blocks)
                                       : std::vector<Range>();
  const Range positions = {cache_.size(), static_cast<int64_t>(prompt.ids.size())};
  LAP_ASSIGN_OR_RETURN(const std::vector<Range> chunks,
                       plan_chunks(positions, whole, cache_.max_step()));
  std::span<const float> logits;
  for (const Range& chunk : chunks) {
    if (cancel != nullptr && cancel->cancelled()) return cancelled();
    const auto tokens = std::span(prompt.ids)
                            .subspan(static_cast<size_t>(chunk.begin),
                                     static_cast<size_t>(chunk.end - chunk.begin));
    LAP_ASSIGN_OR_RETURN(logits, run(tokens, 1, prompt.blocks));
  }
  return logits;
}

int64_t Decoder::keep_common_prefix(const Prompt& prompt) {
  const bool whole_images = graphs_->text.vision_bidirectional_attention;
  const int64_t kept = cache_.truncate(common_prefix(held_, prompt, whole_images));
  held_.ids.resize(static_cast<size_t>(kept));
  std::erase_if(held_.blocks, [&](const SoftBlock& block) { return block.begin >= kept; });
  return kept;
}

void Decoder::reset() {
  cache_.reset();
  held_.ids.clear();
  held_.blocks.clear();
}

}  // namespace lapidary::runtime
