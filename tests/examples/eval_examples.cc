// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "eval/media_eval.h"
#include "eval/media_set.h"
#include "eval/perplexity.h"
#include "eval/quality_figures.h"
#include "eval/word_error_rate.h"
#include "example.h"
#include "package/quality.h"

namespace lapidary::eval {

Status media_eval_example(const runtime::Model& model) {
  // [eval/media_eval.h]
  LAP_ASSIGN_OR_RETURN(const auto questions, load_media_set("eval.json"));
  LAP_ASSIGN_OR_RETURN(const MediaEval result, evaluate_media(model, questions, {}));
  double accuracy = result.images.exact_match();
  // [end]
  use(accuracy);
  return {};
}

Status perplexity_example(const runtime::Model& model, std::string_view text) {
  // [eval/perplexity.h]
  LAP_ASSIGN_OR_RETURN(Perplexity result, perplexity(model, text, {}));
  // [end]
  use(result);
  return {};
}

Status quality_figures_example(const runtime::Model& model, const Perplexity& result) {
  // [eval/quality_figures.h]
  LAP_ASSIGN_OR_RETURN(const std::string data, data_name("eval.txt", std::nullopt));
  LAP_RETURN_IF_ERROR(
      package::record_quality(model.path(), quality_figures(result, data, model.device())));
  // [end]
  return {};
}

TEST(EvalExamples, WordErrorRate) {
  // [eval/word_error_rate.h]
  WordErrors sum;
  sum += word_errors("open the red door", "open a door");  // 2 of 4
  double rate = sum.rate();
  // [end]
  EXPECT_EQ(rate, 0.5);
}

}  // namespace lapidary::eval
