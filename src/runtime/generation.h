// From prompt tokens to streamed text.
//
//   GenerationOptions options = default_options(model.generation_config());
//   options.max_tokens = 100;
//   LAP_ASSIGN_OR_RETURN(Generation reply, generate(decoder, tokenizer, prompt, options,
//                                                   {.on_text = show, .work = work}));
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "checkpoint/generation_config.h"
#include "engine/prompt.h"
#include "runtime/decoder.h"
#include "runtime/sampler.h"
#include "text/tokenizer.h"

namespace lapidary::runtime {

struct GenerationOptions {
  SamplingOptions sampling;
  int64_t max_tokens = 512;  // > 0
  int64_t min_tokens = 0;    // stop tokens cannot be chosen before so many tokens
  std::vector<int32_t> stop_tokens;
  std::vector<std::string> stop_strings;
};

// What the checkpoint's makers recommend.
GenerationOptions default_options(const checkpoint::GenerationConfig& config);
// Errors: kBadInput naming the option.
Status validate(const GenerationOptions& options);

enum class FinishReason {
  kStop,       // a stop token or a stop string
  kLength,     // max_tokens, or the context is full
  kCancelled,  // the caller's token was set
};
// "stop", "length", "cancelled".
const char* name(FinishReason reason);

struct GenerationTimings {
  int64_t prompt_tokens = 0;       // of the whole prompt
  int64_t reused_tokens = 0;       // of these, found in the caches
  double prompt_seconds = 0;       // running the others
  double first_token_seconds = 0;  // from the call to the first token chosen
  int64_t decode_steps = 0;        // runs of the decoder for one token each
  double decode_seconds = 0;       // these runs and choosing among their logits
  double prompt_tokens_per_second() const;
  double decode_tokens_per_second() const;
};

struct Generation {
  std::vector<int32_t> tokens;  // with the stop token, if one ended the text
  std::string text;             // without special tokens and without the stop string
  FinishReason finish_reason = FinishReason::kStop;
  GenerationTimings timings;
};

struct GenerationHooks {
  // Takes each new piece of text: whole characters, all pieces together are Generation::text.
  std::function<void(std::string_view)> on_text;
  // The token is looked at between runs of the graphs; the prompt is a stage counted in tokens.
  Work work = {};
};

// Continues `prompt`. What `decoder` holds of it already is not run again (see
// Decoder::keep_common_prefix). Errors: kBadInput for an empty prompt, one that leaves no room
// in the decoder's context, or bad options; those of the decoder. Being cancelled is not an error.
Result<Generation> generate(Decoder& decoder, const text::Tokenizer& tokenizer,
                            const engine::Prompt& prompt, const GenerationOptions& options,
                            const GenerationHooks& hooks = {});

}  // namespace lapidary::runtime
