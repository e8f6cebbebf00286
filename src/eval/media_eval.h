// Answers about images and clips, judged: exact match with the reference, word error rate of
// transcripts, and whether the tokens are those that another implementation recorded.
//
//   LAP_ASSIGN_OR_RETURN(const auto questions, load_media_set("eval.json"));
//   LAP_ASSIGN_OR_RETURN(const MediaEval result, evaluate_media(model, questions, {}));
//   double accuracy = result.images.exact_match();
//
// Each question is a chat of its own, the image or clip before the text, answered greedily by at
// most kMaxAnswerTokens tokens: as models/tiny-gemma4/eval was recorded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "eval/media_set.h"
#include "eval/word_error_rate.h"
#include "runtime/model.h"

namespace lapidary::eval {

inline constexpr int64_t kMaxAnswerTokens = 110;

struct MediaAnswer {
  MediaQuestion question;
  std::string text;
  std::vector<int32_t> tokens;
  bool exact = false;                   // `text` is the reference
  std::optional<bool> equals_recorded;  // token by token; nothing when nothing was recorded
  std::optional<WordErrors> words;      // of clips
};

// Of the images, or of the clips.
struct MediaScore {
  int64_t items = 0;
  int64_t exact = 0;
  int64_t recorded = 0;  // items with recorded tokens ...
  int64_t equal_to_recorded = 0;
  WordErrors words;  // all zero for images

  double exact_match() const;  // share of items; NaN without items
};
MediaScore score(std::span<const MediaAnswer> answers, encoders::MediaKind kind);
// What `question` got for this reply.
MediaAnswer judge(MediaQuestion question, std::string text, std::vector<int32_t> tokens);

struct MediaEval {
  MediaScore images;
  MediaScore audio;
  std::vector<MediaAnswer> answers;  // in the order of the questions
  double seconds = 0;
};

struct MediaEvalOptions {
  int64_t chunk = 256;  // most prompt tokens in one run
  Work work = {};       // a stage counted in items
};

// Errors: those of the encoders, the template and the decoder; kBadInput for a prompt longer than
// the model's positions; kCancelled.
Result<MediaEval> evaluate_media(const runtime::Model& model,
                                 std::span<const MediaQuestion> questions,
                                 const MediaEvalOptions& options);

}  // namespace lapidary::eval
