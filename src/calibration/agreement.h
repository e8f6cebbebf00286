// How far a saved encoder is from the float graph that it was made of.
//
//   AgreementMeter meter;
//   LAP_RETURN_IF_ERROR(meter.add(expected, found, hidden));  // rows of one sample
//   package::Agreement all = meter.result("vision_encoder", "image_features");
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "calibration/encoder_samples.h"
#include "calibration/observed_run.h"
#include "graph/graph.h"
#include "package/manifest.h"

namespace lapidary::calibration {

class AgreementMeter {
 public:
  // Rows of `width` values of one sample. Two rows of zeros agree, one of them does not.
  // kInternal: spans that are no equal numbers of whole rows, values that are not finite (a minimum
  // over cosines would pass over a NaN).
  Status add(std::span<const float> expected, std::span<const float> found, int64_t width);
  package::Agreement result(const std::string& component, const std::string& output) const;

 private:
  package::Agreement seen_;
  double cosines_ = 0;
  int64_t rows_ = 0;
};

// What the saved encoder makes of the i-th sample: [soft tokens, hidden].
using SavedFeatures = std::function<Result<std::vector<float>>(size_t sample)>;

// Over the rows of real soft tokens of all samples. `reference` is float32 and has one output.
// Errors: those of observe_samples, of `saved` and of AgreementMeter.
Result<package::Agreement> encoder_agreement(const std::string& component,
                                             const graph::Graph& reference, EncoderSamples& samples,
                                             const SavedFeatures& saved, const RunOptions& options);

}  // namespace lapidary::calibration
