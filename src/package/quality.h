// Figures that are measured on a finished package, in its manifest.
//
//   const std::vector<QualityFigure> figures = {
//       {"perplexity", "eval.txt (xxh3 3b2c...)", "cpu", 12674, 1.754}};
//   LAP_RETURN_IF_ERROR(record_quality("gemma4-e2b", figures));
#pragma once

#include <filesystem>
#include <span>

#include "base/result.h"
#include "package/manifest.h"

namespace lapidary::package {

// Figures of the same measure, data and device are replaced, others stay. The manifest is written
// anew in this version's format; whoever reads it meanwhile sees the old one or the new one. Of two
// programs that record at once, one may lose its figures.
// Errors: those of read_manifest; kIo for a package that cannot be written.
Status record_quality(const std::filesystem::path& package, std::span<const QualityFigure> figures);

}  // namespace lapidary::package
