// What an evaluation measured, as the figures that a package's manifest keeps.
//
//   LAP_ASSIGN_OR_RETURN(const std::string data, data_name("eval.txt", std::nullopt));
//   LAP_RETURN_IF_ERROR(
//       package::record_quality(model.path(), quality_figures(result, data, model.device())));
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "eval/media_eval.h"
#include "eval/perplexity.h"
#include "package/manifest.h"

namespace lapidary::eval {

// "eval.txt (xxh3 3b2c...)", "eval.txt, first 4 (xxh3 ...)": the file's name, of how much of it
// (lines of a text, items of each kind of media), and file_hash. Errors: those of
// file_hash.
Result<std::string> data_name(const std::filesystem::path& file, std::optional<size_t> first);

// "perplexity" over so many tokens.
std::vector<package::QualityFigure> quality_figures(const Perplexity& result,
                                                    const std::string& data,
                                                    const std::string& device);
// "caption_exact_match" (a share, 0 to 1) of so many pictures, "transcript_exact_match" and
// "word_error_rate" of so many clips; what had no items is left out.
std::vector<package::QualityFigure> quality_figures(const MediaEval& result,
                                                    const std::string& data,
                                                    const std::string& device);

}  // namespace lapidary::eval
