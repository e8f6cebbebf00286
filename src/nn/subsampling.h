// One stage of convolutional subsampling: halves time and mel bins (the front of a conformer,
// Gulati et al. 2020, arXiv:2005.08100). Source: Gemma4AudioSubSampleConvProjectionLayer.
//
//   Spectrogram x = {features, 128};  // [batch, time, 128, 1]
//   x = subsample(b, x, frames_to_keep(b, mask), "layer0", weights, eps);
//   mask = every_second_frame(b, mask);
#pragma once

#include <string>

#include "graph/builder.h"

namespace lapidary::nn {

struct SubsamplingWeights {
  tensor::Tensor conv;  // [out channels, in channels, 3, 3]
  tensor::Tensor norm;  // [out channels]
};

// Channels last.
struct Spectrogram {
  graph::Ref values;  // [batch, time, bins, channels] float32
  int64_t bins = 0;
};

// mask: [batch, time] bool, true for real frames -> [batch, time] float32: 1 there, 0 elsewhere.
graph::Ref frames_to_keep(graph::Builder& b, const graph::Ref& mask);
// The frames of the next stage that are real: [batch, ceil(time / 2)] bool.
graph::Ref every_second_frame(graph::Builder& b, const graph::Ref& mask);

// -> [batch, ceil(time / 2), ceil(bins / 2), out channels]:
// ReLU(LayerNorm over channels, without bias, of a 3x3 convolution of stride 2 over the frames to
// keep; the others count as zeros). keep: [batch, time] float32; omitted: the others are zeros
// already. The norm is of rank 3. Names: <name>.conv.weight, <name>.norm.weight.
Spectrogram subsample(graph::Builder& b, const Spectrogram& x, const graph::Ref& keep,
                      const std::string& name, const SubsamplingWeights& weights, double eps);

}  // namespace lapidary::nn
