#include "nn/subsampling.h"

#include <limits>
#include <vector>

#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Ref;
using tensor::DType;

// Zeros where the mask is false.
Ref masked(graph::Builder& b, const Spectrogram& x) {
  const Ref column = b.op("Unsqueeze", {x.mask, b.constant({2, 3})}, "mask");
  const Ref keep = b.op("Cast", {column}, "mask", {{"to", static_cast<int64_t>(DType::kFloat)}});
  return b.op("Mul", {x.values, keep}, "mask");
}

Ref every_second(graph::Builder& b, const Ref& mask) {
  return b.op("Slice",
              {mask, b.constant({0}), b.constant({std::numeric_limits<int64_t>::max()}),
               b.constant({1}), b.constant({2})},
              "mask");
}

}  // namespace

Spectrogram subsample(graph::Builder& b, const Spectrogram& x, const std::string& name,
                      const SubsamplingWeights& weights, double eps) {
  const auto scope = b.enter(name);
  const Ref channels_first =
      b.op("Transpose", {masked(b, x)}, "conv", {{"perm", std::vector<int64_t>{0, 3, 1, 2}}});
  const Ref conv = b.op(
      "Conv", {channels_first, b.weight("conv.weight", tensor::cast(weights.conv, DType::kFloat))},
      "conv",
      {{"kernel_shape", std::vector<int64_t>{3, 3}},
       {"strides", std::vector<int64_t>{2, 2}},
       {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  const Ref channels_last =
      b.op("Transpose", {conv}, "norm", {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  const Ref normed =
      b.op("LayerNormalization",
           {channels_last, b.weight("norm.weight", tensor::cast(weights.norm, DType::kFloat))},
           "norm", {{"axis", int64_t{-1}}, {"epsilon", static_cast<float>(eps)}});
  return {b.op("Relu", {normed}, "act"), every_second(b, x.mask)};
}

}  // namespace lapidary::nn
