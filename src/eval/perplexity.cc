#include "eval/perplexity.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "base/stopwatch.h"

namespace lapidary::eval {
namespace {

// Logits of one run, in floats: 64 MiB. A vocabulary of 262 144 would take 512 MiB for 512 tokens.
constexpr int64_t kMostLogits = 16 << 20;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

struct Line {
  size_t number = 0;  // from 1
  std::vector<int32_t> tokens;
};

std::string line_name(const std::string& where, size_t number) {
  return fmt::format("{}: line {}", where, number);
}

Result<std::vector<Line>> encode(const runtime::Model& model, std::string_view text,
                                 const std::string& where) {
  if (!model.bos()) return unsupported("eval", "the model has no <bos> token");
  std::vector<Line> lines;
  const std::vector<std::string_view> raw = lines_of(text);
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i].empty()) continue;
    auto ids = model.tokenizer().encode(raw[i], false);
    if (!ids.ok()) {
      Error error = ids.take_error();
      error.where = line_name(where, i + 1);
      return error;
    }
    Line line{i + 1, std::move(ids).value()};
    line.tokens.insert(line.tokens.begin(), *model.bos());
    const int64_t positions = model.max_context();
    if (static_cast<int64_t>(line.tokens.size()) > positions) {
      return bad_input(
          line_name(where, i + 1),
          fmt::format("{} tokens; the model has {} positions", line.tokens.size(), positions),
          "break the line");
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) return bad_input(where, "has no line to predict");
  return lines;
}

// Sum of -ln p over targets; row i of `logits` predicts targets[i].
Result<double> sum_nll(std::span<const float> logits, std::span<const int32_t> targets) {
  const size_t vocab = logits.size() / targets.size();
  std::vector<double> nll(targets.size());
  LAP_RETURN_IF_ERROR(parallel_for(targets.size(), [&](size_t i) -> Status {
    nll[i] = negative_log_likelihood(logits.subspan(i * vocab, vocab), targets[i]);
    return {};
  }));
  double sum = 0;
  for (const double value : nll) sum += value;
  return sum;
}

Result<double> line_nll(runtime::Decoder& decoder, const Line& line, const Work& work) {
  decoder.reset();
  const std::span<const int32_t> tokens(line.tokens);
  const auto chunk = static_cast<size_t>(decoder.chunk());
  double sum = 0;
  // The last token predicts nothing that is known.
  for (size_t begin = 0; begin + 1 < tokens.size(); begin += chunk) {
    if (work.is_cancelled()) return cancelled();
    const size_t count = std::min(chunk, tokens.size() - 1 - begin);
    LAP_ASSIGN_OR_RETURN(const std::span<const float> logits,
                         decoder.step(tokens.subspan(begin, count), 0));
    LAP_ASSIGN_OR_RETURN(const double part, sum_nll(logits, tokens.subspan(begin + 1, count)));
    sum += part;
  }
  return sum;
}

}  // namespace

double negative_log_likelihood(std::span<const float> logits, int32_t target) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) {
    sum += std::exp(static_cast<double>(logit) - static_cast<double>(largest));
  }
  const float chosen = logits[static_cast<size_t>(target)];
  return std::log(sum) - (static_cast<double>(chosen) - static_cast<double>(largest));
}

Result<Perplexity> perplexity(const runtime::Model& model, std::string_view text,
                              const PerplexityOptions& options) {
  const Stopwatch watch;
  LAP_ASSIGN_OR_RETURN(std::vector<Line> lines, encode(model, text, options.where));
  if (options.max_lines && *options.max_lines < lines.size()) lines.resize(*options.max_lines);
  size_t longest = 0;
  for (const Line& line : lines) longest = std::max(longest, line.tokens.size());
  const int64_t rows = std::max<int64_t>(1, kMostLogits / model.manifest().text.vocab_size);
  LAP_ASSIGN_OR_RETURN(runtime::Decoder decoder,
                       model.new_decoder({.max_context = static_cast<int64_t>(longest),
                                          .chunk = std::min(options.chunk, rows)}));
  options.work.stage("eval", lines.size(), Unit::kLines);
  Perplexity result;
  double sum = 0;
  for (const Line& line : lines) {
    LAP_ASSIGN_OR_RETURN(const double nll, line_nll(decoder, line, options.work));
    if (!std::isfinite(nll)) {
      return internal_error(line_name(options.where, line.number),
                            "the decoder's logits are not finite");
    }
    sum += nll;
    result.tokens += static_cast<int64_t>(line.tokens.size()) - 1;
    ++result.lines;
    options.work.advance(1);
  }
  result.mean_nll = sum / static_cast<double>(std::max<int64_t>(1, result.tokens));
  result.perplexity = std::exp(result.mean_nll);
  result.seconds = watch.seconds();
  return result;
}

}  // namespace lapidary::eval
