#include "eval/quality_figures.h"

#include <fmt/core.h>

#include "base/hash.h"

namespace lapidary::eval {

using package::QualityFigure;

Result<std::string> data_name(const std::filesystem::path& file, std::optional<size_t> first) {
  LAP_ASSIGN_OR_RETURN(const std::string hash, file_hash(file, {}));
  return fmt::format("{}{} (xxh3 {})", file.filename().string(),
                     first ? fmt::format(", first {}", *first) : "", hash);
}

std::vector<QualityFigure> quality_figures(const Perplexity& result, const std::string& data,
                                           const std::string& device) {
  return {{"perplexity", data, device, result.tokens, result.perplexity}};
}

std::vector<QualityFigure> quality_figures(const MediaEval& result, const std::string& data,
                                           const std::string& device) {
  std::vector<QualityFigure> out;
  const MediaScore& images = result.images;
  if (images.items > 0) {
    out.push_back({"caption_exact_match", data, device, images.items, images.exact_match()});
  }
  const MediaScore& audio = result.audio;
  if (audio.items > 0) {
    out.push_back({"transcript_exact_match", data, device, audio.items, audio.exact_match()});
  }
  if (audio.words.reference_words > 0) {
    out.push_back({"word_error_rate", data, device, audio.items, audio.words.rate()});
  }
  return out;
}

}  // namespace lapidary::eval
