// Perplexity of a text: how well the model predicts each token from those before it.
//
//   LAP_ASSIGN_OR_RETURN(Perplexity result, perplexity(model, text, {}));
//
// Every line stands alone after <bos>; <bos> itself is not predicted, no end token is added. The
// figure is exp(mean over all predicted tokens of -ln p), the logarithms in double precision.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/work.h"
#include "runtime/model.h"

namespace lapidary::eval {

struct Perplexity {
  double perplexity = 0;
  double mean_nll = 0;  // nats per predicted token
  int64_t tokens = 0;   // predicted tokens
  int64_t lines = 0;    // not empty ones
  double seconds = 0;
};

struct PerplexityOptions {
  std::string where = "text";  // what errors call the text: its file
  int64_t chunk = 256;  // most tokens in one run; fewer when the logits would take much memory
  std::optional<size_t> max_lines = {};  // only the first ones that are not empty
  Work work = {};                        // a stage counted in lines
};

// Errors: kBadInput for a text without lines, ill-formed UTF-8, a model without <bos>, or a line
// that is longer than the model's positions (naming it); kCancelled; those of the decoder.
Result<Perplexity> perplexity(const runtime::Model& model, std::string_view text,
                              const PerplexityOptions& options);

// -ln softmax(logits)[target]; infinite when that probability is 0, NaN for NaN logits.
double negative_log_likelihood(std::span<const float> logits, int32_t target);

}  // namespace lapidary::eval
