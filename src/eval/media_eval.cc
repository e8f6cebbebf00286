#include "eval/media_eval.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/json.h"
#include "base/stopwatch.h"
#include "encoders/media_encoder.h"
#include "runtime/generation.h"
#include "runtime/user_turn.h"

namespace lapidary::eval {
namespace {

class Examiner {
 public:
  Examiner(const runtime::Model& model, const MediaEvalOptions& options)
      : model_(model),
        options_(options),
        encoder_(model.media_model()),
        generation_(runtime::default_options(model.generation_config())) {
    generation_.sampling.greedy = true;
    generation_.max_tokens = kMaxAnswerTokens;
    generation_.min_tokens = 0;
  }

  Result<MediaAnswer> ask(const MediaQuestion& question) {
    LAP_ASSIGN_OR_RETURN(const encoders::EncodedMedia media,
                         encoder_.encode(question.item, options_.work.cancel));
    LAP_ASSIGN_OR_RETURN(const engine::Prompt prompt, prompt_of(question, media));
    LAP_RETURN_IF_ERROR(make_room(static_cast<int64_t>(prompt.ids.size()) + kMaxAnswerTokens));
    LAP_ASSIGN_OR_RETURN(runtime::Generation reply,
                         runtime::generate(*decoder_, model_.tokenizer(), prompt, generation_,
                                           {.on_text = {}, .work = options_.work.silent()}));
    if (reply.finish_reason == runtime::FinishReason::kCancelled) return cancelled();
    return judge(question, std::move(reply.text), std::move(reply.tokens));
  }

 private:
  Result<engine::Prompt> prompt_of(const MediaQuestion& question,
                                   const encoders::EncodedMedia& media) const {
    LAP_ASSIGN_OR_RETURN(Json content,
                         runtime::turn_content({question.question, {question.item}}, model_));
    const Json messages = Json::array({Json{{"role", "user"}, {"content", std::move(content)}}});
    return model_.chat_prompt(messages, std::span(&media, 1), options_.work.cancel);
  }

  // Caches for the longest prompt so far: the next one's length is not known before it is encoded.
  Status make_room(int64_t tokens) {
    const int64_t positions = model_.max_context();
    const int64_t wanted = std::min(tokens, positions);
    if (decoder_ && wanted <= room_) return {};
    LAP_ASSIGN_OR_RETURN(decoder_,
                         model_.new_decoder({.max_context = wanted, .chunk = options_.chunk}));
    room_ = wanted;
    return {};
  }

  const runtime::Model& model_;
  const MediaEvalOptions& options_;
  encoders::MediaEncoder encoder_;
  runtime::GenerationOptions generation_;
  std::optional<runtime::Decoder> decoder_;
  int64_t room_ = 0;  // positions of decoder_
};

}  // namespace

double MediaScore::exact_match() const {
  if (items == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(exact) / static_cast<double>(items);
}

MediaAnswer judge(MediaQuestion question, std::string text, std::vector<int32_t> tokens) {
  MediaAnswer answer;
  answer.exact = text == question.reference;
  if (!question.recorded.empty()) answer.equals_recorded = tokens == question.recorded;
  if (question.item.kind == encoders::MediaKind::kAudio) {
    answer.words = word_errors(question.reference, text);
  }
  answer.question = std::move(question);
  answer.text = std::move(text);
  answer.tokens = std::move(tokens);
  return answer;
}

MediaScore score(std::span<const MediaAnswer> answers, encoders::MediaKind kind) {
  MediaScore out;
  for (const MediaAnswer& answer : answers) {
    if (answer.question.item.kind != kind) continue;
    ++out.items;
    out.exact += answer.exact ? 1 : 0;
    out.recorded += answer.equals_recorded ? 1 : 0;
    out.equal_to_recorded += answer.equals_recorded.value_or(false) ? 1 : 0;
    if (answer.words) out.words += *answer.words;
  }
  return out;
}

Result<MediaEval> evaluate_media(const runtime::Model& model,
                                 std::span<const MediaQuestion> questions,
                                 const MediaEvalOptions& options) {
  const Stopwatch watch;
  Examiner examiner(model, options);
  options.work.stage("eval", questions.size(), Unit::kItems);
  MediaEval result;
  for (const MediaQuestion& question : questions) {
    if (options.work.is_cancelled()) return cancelled();
    LAP_ASSIGN_OR_RETURN(MediaAnswer answer, examiner.ask(question));
    result.answers.push_back(std::move(answer));
    options.work.advance(1);
  }
  result.images = score(result.answers, encoders::MediaKind::kImage);
  result.audio = score(result.answers, encoders::MediaKind::kAudio);
  result.seconds = watch.seconds();
  return result;
}

}  // namespace lapidary::eval
