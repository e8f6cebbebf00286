#include "nn/subsampling.h"

#include <limits>
#include <vector>

#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Ref;

Ref masked(Builder& b, const Ref& x, const Ref& keep) {
  if (keep.omitted()) return x;
  return b.op("Mul", {x, b.op("Unsqueeze", {keep, b.constant({2, 3})}, "mask")}, "mask");
}

}  // namespace

Ref frames_to_keep(Builder& b, const Ref& mask) {
  return b.op("Cast", {mask}, "mask", {{"to", static_cast<int64_t>(DType::kFloat)}});
}

Ref every_second_frame(Builder& b, const Ref& mask) {
  return b.op("Slice",
              {mask, b.constant({0}), b.constant({std::numeric_limits<int64_t>::max()}),
               b.constant({1}), b.constant({2})},
              "mask");
}

Spectrogram subsample(Builder& b, const Spectrogram& x, const Ref& keep, const std::string& name,
                      const SubsamplingWeights& weights, double eps) {
  const auto scope = b.enter(name);
  const int64_t channels = weights.conv.shape()[0];
  const int64_t bins = (x.bins + 1) / 2;
  const Ref channels_first = b.op("Transpose", {masked(b, x.values, keep)}, "conv",
                                  {{"perm", std::vector<int64_t>{0, 3, 1, 2}}});
  const Ref conv = b.op(
      "Conv", {channels_first, b.weight("conv.weight", tensor::cast(weights.conv, DType::kFloat))},
      "conv",
      {{"kernel_shape", std::vector<int64_t>{3, 3}},
       {"strides", std::vector<int64_t>{2, 2}},
       {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  const Ref channels_last =
      b.op("Transpose", {conv}, "norm", {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  const Ref normed = b.op("LayerNormalization",
                          {b.op("Reshape", {channels_last, b.constant({0, -1, channels})}, "norm"),
                           b.weight("norm.weight", tensor::cast(weights.norm, DType::kFloat))},
                          "norm", {{"axis", int64_t{-1}}, {"epsilon", static_cast<float>(eps)}});
  const Ref rectified = b.op("Relu", {normed}, "act");
  return {b.op("Reshape", {rectified, b.constant({0, -1, bins, channels})}, "act"), bins};
}

}  // namespace lapidary::nn
