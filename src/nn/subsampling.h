// One stage of convolutional subsampling: halves time and mel bins (the front of a conformer,
// Gulati et al. 2020, arXiv:2005.08100). Source: Gemma4AudioSubSampleConvProjectionLayer.
#pragma once

#include <string>

#include "graph/builder.h"

namespace lapidary::nn {

struct SubsamplingWeights {
  tensor::Tensor conv;  // [out channels, in channels, 3, 3]
  tensor::Tensor norm;  // [out channels]
};

// Channels last, and the frames that are real.
struct Spectrogram {
  graph::Ref values;  // [batch, time, bins, channels] float32
  graph::Ref mask;    // [batch, time] bool
};

// -> [batch, ceil(time / 2), ceil(bins / 2), out channels]; the mask keeps every second frame.
// ReLU(LayerNorm over channels, without bias, of a 3x3 convolution of stride 2 over the frames that
// are real; the others count as zeros). Names: <name>.conv.weight, <name>.norm.weight.
Spectrogram subsample(graph::Builder& b, const Spectrogram& x, const std::string& name,
                      const SubsamplingWeights& weights, double eps);

}  // namespace lapidary::nn
