#include "package/measured.h"

#include "package/manifest_graphs.h"

namespace lapidary::package {

Json to_json(const Calibration& calibration) {
  return {{"component", calibration.component},
          {"digest", calibration.digest},
          {"samples", calibration.samples},
          {"images", calibration.images},
          {"clips", calibration.clips}};
}

Json to_json(const Agreement& agreement) {
  return {{"component", agreement.component},     {"output", agreement.output},
          {"samples", agreement.samples},         {"min_cosine", agreement.min_cosine},
          {"mean_cosine", agreement.mean_cosine}, {"max_difference", agreement.max_difference}};
}

Calibration read_calibration(JsonReader& reader) {
  const IntegerRange any = {.min = 0};
  Calibration out{.component = read_name(reader, "component"),
                  .digest = read_name(reader, "digest"),
                  .samples = reader.integer("samples", {.min = 1}),
                  .images = reader.integer("images", any),
                  .clips = reader.integer("clips", any)};
  reader.reject_unknown(kRebuild);
  return out;
}

Agreement read_agreement(JsonReader& reader) {
  const NumberRange cosine = {.min = -1.001, .max = 1.001};  // sums round
  Agreement out{.component = read_name(reader, "component"),
                .output = read_name(reader, "output"),
                .samples = reader.integer("samples", {.min = 1}),
                .min_cosine = reader.number("min_cosine", cosine),
                .mean_cosine = reader.number("mean_cosine", cosine),
                .max_difference = reader.number("max_difference", {.min = 0})};
  reader.reject_unknown(kRebuild);
  return out;
}

}  // namespace lapidary::package
