#include "calibration/agreement.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace lapidary::calibration {
namespace {

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

Error not_finite(const std::string& graph, int64_t sample) {
  return internal_error(
      "agreement",
      fmt::format("sample {}: the {} graph yields values that are not finite", sample, graph));
}

}  // namespace

Status AgreementMeter::add(std::span<const float> expected, std::span<const float> found,
                           int64_t width) {
  const auto row = static_cast<size_t>(width);
  if (width < 1 || expected.size() != found.size() || expected.size() % row != 0) {
    return internal_error("agreement", "the outputs have other shapes");
  }
  if (!all_finite(expected)) return not_finite("float", seen_.samples);
  if (!all_finite(found)) return not_finite("saved", seen_.samples);
  for (size_t begin = 0; begin < expected.size(); begin += row) {
    double product = 0;
    double of_expected = 0;
    double of_found = 0;
    for (size_t i = begin; i < begin + row; ++i) {
      const auto a = static_cast<double>(expected[i]);
      const auto b = static_cast<double>(found[i]);
      product += a * b;
      of_expected += a * a;
      of_found += b * b;
      seen_.max_difference = std::max(seen_.max_difference, std::abs(a - b));
    }
    const double lengths = std::sqrt(of_expected) * std::sqrt(of_found);
    const double cosine = lengths > 0 ? product / lengths : of_expected == of_found ? 1.0 : 0.0;
    seen_.min_cosine = rows_ == 0 ? cosine : std::min(seen_.min_cosine, cosine);
    cosines_ += cosine;
    ++rows_;
  }
  ++seen_.samples;
  return {};
}

package::Agreement AgreementMeter::result(const std::string& component,
                                          const std::string& output) const {
  package::Agreement out = seen_;
  out.component = component;
  out.output = output;
  out.mean_cosine = rows_ == 0 ? 0 : cosines_ / static_cast<double>(rows_);
  return out;
}

Result<package::Agreement> encoder_agreement(const std::string& component,
                                             const graph::Graph& reference, EncoderSamples& samples,
                                             const SavedFeatures& saved,
                                             const RunOptions& options) {
  if (reference.outputs.size() != 1) return internal_error(component, "has not one output");
  const std::string output = reference.outputs[0].name;
  AgreementMeter meter;
  size_t sample = 0;
  LAP_RETURN_IF_ERROR(observe_samples(
      reference, {output}, samples, options, [&](size_t, const ort::Observed& value) -> Status {
        const int64_t width = value.shape.empty() ? 0 : value.shape.back();
        const auto real = static_cast<size_t>(samples.soft_tokens() * width);
        if (real > value.values.size()) return internal_error(component, "has too few rows");
        LAP_ASSIGN_OR_RETURN(const std::vector<float> found, saved(sample++));
        return meter.add(value.values.first(real), found, width);
      }));
  return meter.result(component, output);
}

}  // namespace lapidary::calibration
