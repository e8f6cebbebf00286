#include "runtime/generation.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/stopwatch.h"
#include "runtime/stop.h"

namespace lapidary::runtime {
namespace {

double rate(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

// Turns tokens into the text that may be shown by now.
class TextStream {
 public:
  TextStream(const text::Tokenizer& tokenizer, std::vector<std::string> stops,
             const GenerationHooks& hooks, std::string& text)
      : decoder_(tokenizer, true), scanner_(std::move(stops)), hooks_(hooks), text_(text) {}

  // False when a stop string is complete.
  bool push(int32_t token) { return take(decoder_.push(token)); }

  void finish() {
    if (stopped_) return;
    if (take(decoder_.flush())) emit(scanner_.finish());
  }

 private:
  bool take(const std::string& piece) {
    const StopScanner::Output output = scanner_.push(piece);
    emit(output.text);
    stopped_ = output.stopped;
    return !stopped_;
  }

  void emit(const std::string& piece) {
    if (piece.empty()) return;
    text_ += piece;
    if (hooks_.on_text) hooks_.on_text(piece);
  }

  text::StreamingDecoder decoder_;
  StopScanner scanner_;
  const GenerationHooks& hooks_;
  std::string& text_;
  bool stopped_ = false;
};

// Whether the reply is complete, and why.
struct Ending {
  bool ended = false;
  FinishReason reason = FinishReason::kStop;
};

Ending take_token(int32_t token, const GenerationOptions& options, const Decoder& decoder,
                  TextStream& stream, Generation& reply) {
  reply.tokens.push_back(token);
  const auto& stops = options.stop_tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) {
    return {true, FinishReason::kStop};
  }
  if (!stream.push(token)) return {true, FinishReason::kStop};
  const bool enough = static_cast<int64_t>(reply.tokens.size()) >= options.max_tokens;
  // The newest token is not in the cache yet.
  const bool full = static_cast<int64_t>(decoder.tokens().size()) + 1 >= decoder.max_context();
  return {enough || full, FinishReason::kLength};
}

Status check_room(const engine::Prompt& prompt, const Decoder& decoder) {
  if (prompt.ids.empty()) return bad_input("prompt", "is empty");
  const auto tokens = static_cast<int64_t>(prompt.ids.size());
  const int64_t context = decoder.max_context();
  if (tokens < context) return {};
  return bad_input(
      "prompt",
      fmt::format("{} tokens leave no room for a reply in a context of {}", tokens, context),
      "shorten it or choose a larger context");
}

// Chooses tokens until the reply ends; `logits` are those of the prompt's last token.
Status decode(Decoder& decoder, std::span<const float> logits, Sampler& sampler,
              const GenerationOptions& options, const GenerationHooks& hooks, TextStream& stream,
              Generation& reply, const Stopwatch& start) {
  Stopwatch first_token;
  while (true) {
    const bool may_stop = static_cast<int64_t>(reply.tokens.size()) >= options.min_tokens;
    const std::span<const int32_t> masked =
        may_stop ? std::span<const int32_t>() : std::span<const int32_t>(options.stop_tokens);
    LAP_ASSIGN_OR_RETURN(const int32_t token, sampler.pick(logits, masked));
    if (reply.tokens.empty()) {
      first_token = Stopwatch();
      reply.timings.first_token_seconds = start.seconds();
    }
    const Ending ending = take_token(token, options, decoder, stream, reply);
    reply.finish_reason = ending.reason;
    if (!ending.ended && hooks.work.is_cancelled()) {
      reply.finish_reason = FinishReason::kCancelled;
    }
    if (ending.ended || reply.finish_reason == FinishReason::kCancelled) break;
    sampler.observe(token);
    LAP_ASSIGN_OR_RETURN(logits, decoder.step(std::span(&token, 1)));
    ++reply.timings.decode_steps;
  }
  reply.timings.decode_seconds = first_token.seconds();
  return {};
}

}  // namespace

const char* name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      break;
  }
  return "cancelled";
}

double GenerationTimings::prompt_tokens_per_second() const {
  return rate(prompt_tokens - reused_tokens, prompt_seconds);
}
double GenerationTimings::decode_tokens_per_second() const {
  return rate(decode_steps, decode_seconds);
}

GenerationOptions default_options(const checkpoint::GenerationConfig& config) {
  GenerationOptions options;
  options.sampling = {.greedy = !config.do_sample,
                      .temperature = config.temperature,
                      .top_k = config.top_k,
                      .top_p = config.top_p,
                      .min_p = config.min_p.value_or(0),
                      .repetition_penalty = config.repetition_penalty};
  options.max_tokens = config.max_new_tokens.value_or(options.max_tokens);
  options.min_tokens = config.min_new_tokens.value_or(0);
  for (const int64_t id : config.eos_token_ids) {
    options.stop_tokens.push_back(static_cast<int32_t>(id));
  }
  options.stop_strings = config.stop_strings;
  return options;
}

Status validate(const GenerationOptions& options) {
  LAP_RETURN_IF_ERROR(validate(options.sampling));
  if (options.max_tokens < 1) return bad_input("max-tokens", "must be at least 1");
  if (options.min_tokens < 0) return bad_input("min-tokens", "must not be negative");
  if (options.min_tokens > options.max_tokens) {
    return bad_input("min-tokens",
                     fmt::format("must not exceed max-tokens, {}", options.max_tokens));
  }
  return {};
}

Result<Generation> generate(Decoder& decoder, const text::Tokenizer& tokenizer,
                            const engine::Prompt& prompt, const GenerationOptions& options,
                            const GenerationHooks& hooks) {
  LAP_RETURN_IF_ERROR(validate(options));
  LAP_RETURN_IF_ERROR(check_room(prompt, decoder));
  const Stopwatch start;
  Generation reply;
  reply.timings.prompt_tokens = static_cast<int64_t>(prompt.ids.size());
  reply.timings.reused_tokens = decoder.keep_common_prefix(prompt);

  const Stopwatch prompt_start;
  auto logits = decoder.prefill(prompt, hooks.work);
  reply.timings.prompt_seconds = prompt_start.seconds();
  if (!logits.ok()) {
    if (logits.error().kind != ErrorKind::kCancelled) return logits.take_error();
    reply.finish_reason = FinishReason::kCancelled;
    return reply;
  }
  Sampler sampler(options.sampling, decoder.text().vocab_size);
  sampler.observe(prompt.ids);
  TextStream stream(tokenizer, options.stop_strings, hooks, reply.text);
  LAP_RETURN_IF_ERROR(decode(decoder, *logits, sampler, options, hooks, stream, reply, start));
  stream.finish();
  return reply;
}

}  // namespace lapidary::runtime
