// Second moments of activations over samples, for error-aware rounding (quant/moments.h).
//
//   LAP_ASSIGN_OR_RETURN(quant::Moments moments,
//                        collect_moments(graph, {"layers.0.input_layernorm/RMSNormalization"}, 128,
//                                        samples, {.scratch = folder}));
//
// One pass over the samples (observed_run.h). Memory: block_size floats for each channel of each
// value. Time: rows * channels * block_size / 2 multiply-adds, a few hundredths of what the graph's
// own matrix products cost.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "calibration/observed_run.h"
#include "graph/graph.h"
#include "quant/moments.h"

namespace lapidary::calibration {

inline constexpr int64_t kWidestMomentBlock = 4096;

// Of one value.
class MomentCollector {
 public:
  // 1 <= block_size <= kWidestMomentBlock.
  explicit MomentCollector(int64_t block_size) { moments_.block_size = block_size; }

  // Each vector of the last dim is a row. kBadInput: a scalar, or another number of channels than
  // before.
  Status add(const ort::Observed& value);
  // kBadInput: nothing was added, or a value that is not finite.
  Result<quant::BlockMoments> take();

 private:
  quant::BlockMoments moments_;  // sums: above the diagonal and on it
  std::vector<float> sample_;    // of one block and one sample
};

// Errors: a block size out of range; those of observe_samples and of MomentCollector, naming the
// value.
Result<quant::Moments> collect_moments(const graph::Graph& graph,
                                       const std::vector<std::string>& values, int64_t block_size,
                                       SampleSource& samples, const RunOptions& options);

}  // namespace lapidary::calibration
