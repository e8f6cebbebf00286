#include "engine/token_check.h"

#include <fmt/core.h>

namespace lapidary::engine {
namespace {

bool is_of_model(int32_t id, const package::TextModel& text) {
  return id >= 0 && id < text.vocab_size;
}

}  // namespace

Status check_token(int32_t id, const package::TextModel& text) {
  if (!is_of_model(id, text)) {
    return bad_input(fmt::format("token id {}", id),
                     fmt::format("out of range; the model has {} tokens", text.vocab_size));
  }
  if (id < text.embedded_limit()) return {};
  return bad_input(
      fmt::format("token id {}", id),
      fmt::format("the model's per-layer table has {} rows only", text.embedded_limit()),
      "leave the token out, or resize that table as well as the other");
}

Status check_tokens(const Prompt& prompt, const package::TextModel& text) {
  for (const int32_t id : prompt.ids) {
    if (!is_of_model(id, text)) return check_token(id, text);
  }
  const auto without = first_without_row(prompt, text);
  return without ? check_token(*without, text) : Status();
}

std::optional<int32_t> first_without_row(const Prompt& prompt, const package::TextModel& text) {
  if (!text.embedded_ids) return std::nullopt;
  auto block = prompt.blocks.begin();
  for (size_t i = 0; i < prompt.ids.size(); ++i) {
    const auto position = static_cast<int64_t>(i);
    while (block != prompt.blocks.end() && block->end() <= position) ++block;
    const bool soft = block != prompt.blocks.end() && block->begin <= position;
    const int32_t id = prompt.ids[i];
    if (!soft && is_of_model(id, text) && id >= text.embedded_limit()) return id;
  }
  return std::nullopt;
}

}  // namespace lapidary::engine
