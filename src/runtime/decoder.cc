#include "runtime/decoder.h"

#include <fmt/core.h>

#include <string>
#include <utility>

#include "engine/chunk_plan.h"
#include "engine/dynamic_engine.h"
#include "engine/fixed_engine.h"
#include "engine/soft_blocks.h"
#include "engine/token_check.h"

namespace lapidary::runtime {

Decoder::Decoder(std::unique_ptr<engine::DecoderEngine> engine) : engine_(std::move(engine)) {
  held_.ids.reserve(static_cast<size_t>(max_context()));
}

Result<Decoder> Decoder::create(std::shared_ptr<const engine::TextGraphs> graphs,
                                const engine::DecoderOptions& options) {
  LAP_ASSIGN_OR_RETURN(auto engine, engine::DynamicEngine::create(std::move(graphs), options));
  return Decoder(std::move(engine));
}

Result<Decoder> Decoder::create(std::shared_ptr<const engine::FixedGraphs> graphs,
                                const engine::DecoderOptions& options) {
  LAP_ASSIGN_OR_RETURN(auto engine, engine::FixedEngine::create(std::move(graphs), options));
  return Decoder(std::move(engine));
}

Status Decoder::check_step(std::span<const int32_t> tokens, int64_t logits_to_keep) const {
  if (tokens.empty()) return bad_input("prompt", "is empty");
  if (logits_to_keep < 0 || logits_to_keep > static_cast<int64_t>(tokens.size())) {
    return internal_error("logits_to_keep",
                          fmt::format("must lie in [0, {}], is {}", tokens.size(), logits_to_keep));
  }
  for (const int32_t token : tokens) LAP_RETURN_IF_ERROR(engine::check_token(token, text()));
  return {};
}

Status Decoder::check_prompt(const engine::Prompt& prompt) const {
  const auto total = static_cast<int64_t>(prompt.ids.size());
  if (total > max_context()) {
    return bad_input("prompt",
                     fmt::format("{} tokens do not fit into a context of {}", total, max_context()),
                     "shorten it or choose a larger context");
  }
  LAP_RETURN_IF_ERROR(engine::check_blocks(prompt, text().hidden_size));
  if (prompt.ids.empty()) return bad_input("prompt", "is empty");
  LAP_RETURN_IF_ERROR(engine::check_tokens(prompt, text()));
  if (total <= engine_->size()) return bad_input("prompt", "has nothing beyond the tokens held");
  const bool whole_images = text().vision_bidirectional_attention;
  if (engine::common_prefix(held_, prompt, whole_images) != engine_->size()) {
    return internal_error("prompt", "does not begin with the tokens held");
  }
  return {};
}

Result<std::span<const float>> Decoder::step(std::span<const int32_t> tokens,
                                             int64_t logits_to_keep) {
  LAP_RETURN_IF_ERROR(check_step(tokens, logits_to_keep));
  const auto count = static_cast<int64_t>(tokens.size());
  return append(tokens, logits_to_keep > 0 ? logits_to_keep : count, {});
}

Result<std::span<const float>> Decoder::append(std::span<const int32_t> tokens, int64_t kept,
                                               std::span<const engine::SoftBlock> blocks) {
  const int64_t begin = engine_->size();
  auto logits = engine_->append(tokens, kept, blocks);
  if (!logits.ok()) {
    forget_from(engine_->size());
    return logits.take_error();
  }
  held_.ids.insert(held_.ids.end(), tokens.begin(), tokens.end());
  for (const engine::SoftBlock& block : blocks) {
    const bool begins_here = begin <= block.begin && block.begin < engine_->size();
    if (begins_here) held_.blocks.push_back(block);
  }
  return logits;
}

Result<std::span<const float>> Decoder::prefill(const engine::Prompt& prompt, const Work& work) {
  LAP_RETURN_IF_ERROR(check_prompt(prompt));
  const std::vector<engine::Range> whole = text().vision_bidirectional_attention
                                               ? engine::image_runs(prompt.blocks)
                                               : std::vector<engine::Range>();
  const engine::Range positions = {engine_->size(), static_cast<int64_t>(prompt.ids.size())};
  LAP_ASSIGN_OR_RETURN(const std::vector<engine::Range> chunks,
                       engine::plan_chunks(positions, whole, engine_->max_step()));
  work.stage("prompt", static_cast<uint64_t>(positions.end - positions.begin), Unit::kTokens);
  std::span<const float> logits;
  for (const engine::Range& chunk : chunks) {
    if (work.is_cancelled()) return cancelled();
    const auto tokens = std::span(prompt.ids)
                            .subspan(static_cast<size_t>(chunk.begin),
                                     static_cast<size_t>(chunk.end - chunk.begin));
    const bool last = chunk.end == positions.end;
    LAP_ASSIGN_OR_RETURN(logits, append(tokens, last ? 1 : 0, prompt.blocks));
    work.advance(tokens.size());
  }
  return logits;
}

void Decoder::forget_from(int64_t length) {
  held_.ids.resize(static_cast<size_t>(length));
  std::erase_if(held_.blocks,
                [&](const engine::SoftBlock& block) { return block.begin >= length; });
}

int64_t Decoder::keep_common_prefix(const engine::Prompt& prompt) {
  const bool whole_images = text().vision_bidirectional_attention;
  const int64_t kept = engine_->truncate(engine::common_prefix(held_, prompt, whole_images));
  forget_from(kept);
  return kept;
}

void Decoder::reset() {
  engine_->truncate(0);
  forget_from(0);
}

}  // namespace lapidary::runtime
