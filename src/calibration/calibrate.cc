#include "calibration/calibrate.h"

namespace lapidary::calibration {
namespace {

Status check_options(const CollectorOptions& options) {
  if (!(options.percentile > 0 && options.percentile <= 100)) {
    return bad_input("calibration", "percentile must lie in (0, 100]");
  }
  if (options.bits != 8 && options.bits != 16) {
    return bad_input("calibration", "bits must be 8 or 16");
  }
  return {};
}

}  // namespace

Result<quant::Ranges> calibrate(const graph::Graph& graph, const std::vector<std::string>& values,
                                SampleSource& samples, const CollectorOptions& collector,
                                const RunOptions& options) {
  LAP_RETURN_IF_ERROR(check_options(collector));
  std::vector<RangeCollector> collectors(values.size(), RangeCollector(collector));
  LAP_RETURN_IF_ERROR(observe_samples(
      graph, values, samples, options,
      [&](size_t i, const ort::Observed& value) { return collectors[i].add(value.values); }));
  quant::Ranges ranges;
  for (size_t i = 0; i < values.size(); ++i) {
    auto range = collectors[i].range();
    if (!range.ok()) return about_value(values[i], range.take_error());
    LAP_RETURN_IF_ERROR(ranges.set(values[i], *range));
  }
  return ranges;
}

}  // namespace lapidary::calibration
