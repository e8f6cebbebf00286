#include "calibration/decoder_agreement.h"

#include <algorithm>
#include <cmath>

#include "calibration/agreement.h"
#include "contract/component.h"
#include "contract/ports.h"

namespace lapidary::calibration {
namespace {

using engine::Prompt;

using contract::ports::kLogits;

int64_t length_of(const Prompt& prompt) { return static_cast<int64_t>(prompt.ids.size()); }

// As much of a prompt as `most` tokens hold, without a part of an image or a clip.
int64_t opening_length(const Prompt& prompt, int64_t most) {
  int64_t out = std::min(length_of(prompt), most);
  for (const engine::SoftBlock& block : prompt.blocks) {
    if (block.end() > out) out = std::min(out, block.begin);
  }
  return out;
}

Prompt opening(const Prompt& prompt, int64_t most) {
  const int64_t length = opening_length(prompt, most);
  Prompt out({prompt.ids.begin(), prompt.ids.begin() + length}, prompt.blocks);
  std::erase_if(out.blocks, [&](const engine::SoftBlock& block) { return block.end() > length; });
  return out;
}

// The first token whose logits are compared: steps of single tokens begin behind it.
int64_t first_compared(const Prompt& prompt) {
  const int64_t soft = prompt.blocks.empty() ? 1 : prompt.blocks.back().end();
  return std::max({soft, length_of(prompt) - kComparedTokens, int64_t{1}}) - 1;
}

// The logits of the compared tokens, prompt by prompt.
struct Expected {
  int64_t vocab = 0;
  std::vector<std::vector<float>> logits;
};

// Takes what is compared out of a row.
Status take(const Row& row, const ort::Observed& value, std::span<const Prompt> prompts,
            Expected& to) {
  to.vocab = value.shape.empty() ? 0 : value.shape.back();
  int64_t first = 0;  // of the piece, in the row
  for (const Piece& piece : row) {
    const auto i = static_cast<size_t>(piece.sequence);
    const bool whole = piece.begin == 0 && piece.end == length_of(prompts[i]);
    if (whole && to.logits[i].empty()) {
      const int64_t begin = (first + first_compared(prompts[i])) * to.vocab;
      const int64_t end = (first + piece.end) * to.vocab;
      if (end > static_cast<int64_t>(value.values.size())) {
        return internal_error(kLogits, "has too few rows");
      }
      to.logits[i].assign(value.values.begin() + begin, value.values.begin() + end);
    }
    first += piece.length();
  }
  return {};
}

// The same logits of the saved decoder. Advances `work` by tokens.
Result<std::vector<float>> found_logits(const Prompt& prompt, runtime::Decoder& saved,
                                        const Work& work) {
  saved.reset();
  const int64_t last = first_compared(prompt);
  const auto head = prompt.ids.begin() + last + 1;
  LAP_ASSIGN_OR_RETURN(
      auto logits, saved.prefill(Prompt({prompt.ids.begin(), head}, prompt.blocks), work.silent()));
  work.advance(static_cast<uint64_t>(last + 1));
  std::vector<float> out(logits.begin(), logits.end());
  for (auto id = head; id != prompt.ids.end(); ++id) {
    if (work.is_cancelled()) return cancelled();
    LAP_ASSIGN_OR_RETURN(logits, saved.step(std::span(&*id, 1)));
    out.insert(out.end(), logits.begin(), logits.end());
    work.advance(1);
  }
  return out;
}

}  // namespace

std::vector<Prompt> agreement_prompts(std::span<const Prompt> prompts, int64_t row_length,
                                      int64_t most) {
  const int64_t share = row_length / most;
  std::vector<size_t> some;
  const auto take_if = [&](auto fits) {
    for (size_t i = 0; i < prompts.size(); ++i) {
      if (fits(prompts[i])) some.push_back(i);
    }
  };
  take_if([&](const Prompt& each) { return length_of(each) > 1 && length_of(each) <= share; });
  if (some.empty()) {
    take_if([&](const Prompt& each) { return opening_length(each, share) > 1; });
  }
  const size_t count = std::min(some.size(), static_cast<size_t>(most));
  std::vector<Prompt> out;
  for (size_t i = 0; i < count; ++i) {
    out.push_back(opening(prompts[some[i * some.size() / count]], share));
  }
  return out;
}

Result<package::Agreement> decoder_agreement(const graph::Graph& reference, DecoderSamples& samples,
                                             std::span<const Prompt> prompts,
                                             runtime::Decoder& saved, double host_softcap,
                                             const RunOptions& options) {
  Expected expected{0, std::vector<std::vector<float>>(prompts.size())};
  size_t row = 0;
  LAP_RETURN_IF_ERROR(observe_samples(
      reference, {kLogits}, samples, options, [&](size_t, const ort::Observed& value) {
        return take(samples.rows()[row++], value, prompts, expected);
      }));
  uint64_t tokens = 0;
  for (const Prompt& prompt : prompts) tokens += prompt.ids.size();
  options.work.stage("compare the decoder", tokens, Unit::kTokens);
  AgreementMeter meter;
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (expected.logits[i].empty()) {
      return internal_error("agreement", "a prompt is not whole in one row");
    }
    if (host_softcap > 0) {
      const auto cap = static_cast<float>(host_softcap);
      for (float& each : expected.logits[i]) each = cap * std::tanh(each / cap);
    }
    LAP_ASSIGN_OR_RETURN(const std::vector<float> found,
                         found_logits(prompts[i], saved, options.work));
    LAP_RETURN_IF_ERROR(meter.add(expected.logits[i], found, expected.vocab));
  }
  return meter.result(name_of(contract::Component::kDecoder), kLogits);
}

}  // namespace lapidary::calibration
