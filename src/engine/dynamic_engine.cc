#include "engine/dynamic_engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>

#include "contract/ports.h"
#include "engine/port_check.h"
#include "engine/soft_blocks.h"

namespace lapidary::engine {

namespace ports = contract::ports;

DynamicEngine::DynamicEngine(std::shared_ptr<const TextGraphs> graphs, KvCache cache,
                             Embedder embedder, ort::Binding decoder)
    : graphs_(std::move(graphs)),
      cache_(std::move(cache)),
      embedder_(std::move(embedder)),
      decoder_(std::move(decoder)),
      mask_(static_cast<size_t>(cache_.max_context()), 1),
      scalars_(2) {
  if (text().vision_bidirectional_attention) {
    token_types_.resize(static_cast<size_t>(cache_.max_step()));
  }
}

Result<std::unique_ptr<DecoderEngine>> DynamicEngine::create(
    std::shared_ptr<const TextGraphs> graphs, const DecoderOptions& options) {
  const package::TextModel& text = graphs->text;
  const int64_t context = options.max_context > 0 ? options.max_context : text.max_positions;
  if (options.max_context < 0 || context > text.max_positions) {
    return bad_input("context",
                     fmt::format("{} tokens; the model has {} positions", options.max_context,
                                 text.max_positions),
                     fmt::format("choose a context in [1, {}]", text.max_positions));
  }
  LAP_ASSIGN_OR_RETURN(KvCache cache, KvCache::create(text.caches, text.sliding_window,
                                                      {.max_context = context,
                                                       .max_step = options.chunk,
                                                       .rewind_rows = options.rewind_rows}));
  LAP_ASSIGN_OR_RETURN(Embedder embedder,
                       Embedder::create(graphs->embedding, text, cache.max_step()));
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, graphs->decoder.bind());
  std::unique_ptr<DynamicEngine> engine(new DynamicEngine(std::move(graphs), std::move(cache),
                                                          std::move(embedder), std::move(binding)));
  LAP_RETURN_IF_ERROR(engine->bind_fixed());
  return std::unique_ptr<DecoderEngine>(std::move(engine));
}

// What never changes its place or shape. A cache is past and present at once: the graph appends the
// new rows in place.
Status DynamicEngine::bind_fixed() {
  for (const KvCache::Layer& layer : cache_.layers()) {
    const std::vector<int64_t> shape = {1, layer.spec.kv_heads, layer.capacity,
                                        layer.spec.head_dim};
    const ort::TensorView key{DType::kFloat, layer.key, shape};
    const ort::TensorView value{DType::kFloat, layer.value, shape};
    LAP_RETURN_IF_ERROR(decoder_.input(ports::past_key(layer.spec.layer), key));
    LAP_RETURN_IF_ERROR(decoder_.input(ports::past_value(layer.spec.layer), value));
    LAP_RETURN_IF_ERROR(decoder_.output(ports::present_key(layer.spec.layer), key));
    LAP_RETURN_IF_ERROR(decoder_.output(ports::present_value(layer.spec.layer), value));
  }
  LAP_RETURN_IF_ERROR(decoder_.input(ports::kLogitsToKeep, {DType::kInt64, &scalars_[0], {1}}));
  if (find_port(graphs_->decoder.inputs(), ports::kSlidingWindowOffset) == nullptr) return {};
  return decoder_.input(ports::kSlidingWindowOffset, {DType::kInt64, &scalars_[1], {1}});
}

Status DynamicEngine::bind_tokens(int64_t count) {
  if (count == bound_tokens_) return {};
  bound_tokens_ = 0;
  LAP_RETURN_IF_ERROR(decoder_.input(
      ports::kInputsEmbeds, {DType::kFloat, embedder_.embeds(), {1, count, text().hidden_size}}));
  if (text().per_layer_width > 0) {
    LAP_RETURN_IF_ERROR(
        decoder_.input(ports::kPerLayerInputs,
                       {DType::kFloat, embedder_.per_layer(), {1, count, text().per_layer_width}}));
  }
  bound_tokens_ = count;
  return {};
}

Status DynamicEngine::bind_token_types(std::span<const SoftBlock> blocks, const Range& positions) {
  if (token_types_.empty()) return {};
  write_token_types(blocks, positions, token_types_);
  return decoder_.input(ports::kMmTokenTypeIds,
                        {DType::kInt64, token_types_.data(), {1, positions.end - positions.begin}});
}

Status DynamicEngine::bind_logits(int64_t kept) {
  if (kept == bound_kept_) return {};
  bound_kept_ = 0;
  const int64_t vocab = text().vocab_size;
  const auto floats = static_cast<size_t>(kept * vocab);
  if (logits_.size() < floats) logits_.resize(floats);
  LAP_RETURN_IF_ERROR(
      decoder_.output(ports::kLogits, {DType::kFloat, logits_.data(), {1, kept, vocab}}));
  bound_kept_ = kept;
  return {};
}

Result<std::span<const float>> DynamicEngine::append(std::span<const int32_t> tokens, int64_t kept,
                                                     std::span<const SoftBlock> blocks) {
  const auto count = static_cast<int64_t>(tokens.size());
  const Range positions = {cache_.size(), cache_.size() + count};
  kept = std::max<int64_t>(kept, 1);  // the graph takes 0 for "all"
  LAP_RETURN_IF_ERROR(cache_.prepare(count));
  LAP_RETURN_IF_ERROR(bind_tokens(count));
  LAP_RETURN_IF_ERROR(bind_token_types(blocks, positions));
  LAP_RETURN_IF_ERROR(bind_logits(kept));
  LAP_RETURN_IF_ERROR(
      decoder_.input(ports::kAttentionMask, {DType::kInt64, mask_.data(), {1, positions.end}}));
  scalars_ = {kept, cache_.sliding_offset()};
  LAP_RETURN_IF_ERROR(embedder_.run(tokens, count, blocks, positions));
  LAP_RETURN_IF_ERROR(decoder_.run());
  cache_.commit(count);
  return std::span<const float>(logits_.data(), static_cast<size_t>(kept * text().vocab_size));
}

}  // namespace lapidary::engine
