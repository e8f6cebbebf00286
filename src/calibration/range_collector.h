// The range of one activation over any number of samples, in memory that does not grow with them.
//
//   RangeCollector collector({.method = Method::kPercentile});
//   LAP_RETURN_IF_ERROR(collector.add(values));  // for each sample
//   LAP_ASSIGN_OR_RETURN(quant::Range range, collector.range());
//
// Percentile and mse count values in 4096 bins of one width around zero. When a value lies beyond
// the bins, they double their width, two neighbours becoming one: counts stay exact, and the bins
// end within a factor of two of the largest magnitude. Min-max needs no bins.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "quant/affine.h"

namespace lapidary::calibration {

enum class Method {
  kMinMax,      // the smallest and the largest value
  kPercentile,  // leaves out the outermost values, the same share at both ends
  kMse,         // limits at which rounding and clamping together cost the least squared error
};

struct CollectorOptions {
  Method method = Method::kMinMax;
  double percentile = 99.999;  // of the values that stay inside; in (0, 100]
  int bits = 16;               // of the codes that kMse has in mind, 8 or 16
};

class RangeCollector {
 public:
  explicit RangeCollector(const CollectorOptions& options) : options_(options) {}

  // kBadInput: a value that is not finite.
  Status add(std::span<const float> values);
  // Within the smallest and the largest value seen. kBadInput: no value was added.
  Result<quant::Range> range() const;
  int64_t count() const { return count_; }

 private:
  void widen_to(float magnitude);
  quant::Range percentile_range() const;
  quant::Range mse_range() const;

  CollectorOptions options_;
  int64_t count_ = 0;
  quant::Range seen_;
  double limit_ = 0;            // bins cover [-limit, limit]; 0: only zeros were seen
  std::vector<uint64_t> bins_;  // empty while limit_ is 0
};

}  // namespace lapidary::calibration
