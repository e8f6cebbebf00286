#include "package/quality.h"

#include <algorithm>

#include "base/files.h"

namespace lapidary::package {

Status record_quality(const std::filesystem::path& package,
                      std::span<const QualityFigure> figures) {
  LAP_ASSIGN_OR_RETURN(Manifest manifest, read_manifest(package));
  for (const QualityFigure& figure : figures) {
    const auto same = std::find_if(
        manifest.quality.begin(), manifest.quality.end(), [&](const QualityFigure& each) {
          return each.measure == figure.measure && each.data == figure.data &&
                 each.device == figure.device;
        });
    if (same != manifest.quality.end()) {
      *same = figure;
    } else {
      manifest.quality.push_back(figure);
    }
  }
  manifest.format_version = kFormatVersion;
  return replace_file(package / kManifestFile, to_json(manifest).dump(2) + "\n");
}

}  // namespace lapidary::package
