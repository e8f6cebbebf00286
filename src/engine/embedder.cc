#include "engine/embedder.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>

#include "contract/ports.h"
#include "engine/port_check.h"
#include "engine/soft_blocks.h"
#include "engine/text_graphs.h"

namespace lapidary::engine {

namespace ports = contract::ports;

Embedder::Embedder(const ort::Session& embedding, const package::TextModel& text,
                   ort::Binding binding, int64_t capacity)
    : embedding_(embedding),
      text_(text),
      binding_(std::move(binding)),
      ids_(static_cast<size_t>(capacity)),
      embeds_(static_cast<size_t>(capacity * text.hidden_size)),
      per_layer_(static_cast<size_t>(capacity * text.per_layer_width)) {}

Result<Embedder> Embedder::create(const ort::Session& embedding, const package::TextModel& text,
                                  int64_t capacity) {
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, embedding.bind());
  return Embedder(embedding, text, std::move(binding), capacity);
}

Status Embedder::bind_rows(int64_t rows) {
  if (rows == bound_rows_) return {};
  bound_rows_ = 0;
  LAP_RETURN_IF_ERROR(binding_.input(ports::kInputIds, {DType::kInt64, ids_.data(), {1, rows}}));
  LAP_RETURN_IF_ERROR(binding_.output(
      ports::kInputsEmbeds, {DType::kFloat, embeds_.data(), {1, rows, text_.hidden_size}}));
  if (text_.per_layer_width > 0) {
    LAP_RETURN_IF_ERROR(
        binding_.output(ports::kPerLayerInputs,
                        {DType::kFloat, per_layer_.data(), {1, rows, text_.per_layer_width}}));
  }
  bound_rows_ = rows;
  return {};
}

Status Embedder::bind_features(std::span<const SoftBlock> blocks, const Range& positions) {
  const int64_t hidden = text_.hidden_size;
  const auto image = soft_rows(blocks, Medium::kImage, positions, hidden, image_rows_);
  const auto audio = soft_rows(blocks, Medium::kAudio, positions, hidden, audio_rows_);
  const bool none = image.empty() && audio.empty();
  if (none && no_features_bound_) return {};
  no_features_bound_ = false;
  const std::pair<const char*, std::span<const float>> kinds[] = {{ports::kImageFeatures, image},
                                                                  {ports::kAudioFeatures, audio}};
  for (const auto& [name, rows] : kinds) {
    if (find_port(embedding_.inputs(), name) != nullptr) {
      const int64_t count = static_cast<int64_t>(rows.size()) / hidden;
      LAP_RETURN_IF_ERROR(binding_.input(name, ort::input_view(rows, {count, hidden})));
    } else if (!rows.empty()) {
      return unsupported(embedding_.path().string(), fmt::format("has no input '{}'", name),
                         "use a package of a model that takes this kind of input");
    }
  }
  no_features_bound_ = none;
  return {};
}

Status Embedder::run(std::span<const int32_t> tokens, int64_t rows,
                     std::span<const SoftBlock> blocks, const Range& positions) {
  LAP_RETURN_IF_ERROR(bind_rows(rows));
  LAP_RETURN_IF_ERROR(bind_features(blocks, positions));
  const auto end = std::copy(tokens.begin(), tokens.end(), ids_.begin());
  std::fill(end, ids_.begin() + rows, text_.pad_token_id);
  return binding_.run();
}

}  // namespace lapidary::engine
