#include "graph/float16_support.h"

#include <algorithm>
#include <array>

namespace lapidary::graph {
namespace {

// Left out, and so float32: what has no row in operators.h; operators whose floats are of no input
// but an attribute's (RandomNormal, windows, MelWeightMatrix); BitCast, which reads the bits;
// QLinearMatMul and MeanVarianceNormalization, which ONNX Runtime 1.31 refuses in float16.
constexpr auto kFloat16Supports = std::to_array<Float16Support>({
    {"", "Abs", 1},
    {"", "Acos", 7},
    {"", "Acosh", 9},
    {"", "Add", 1},
    {"", "AffineGrid", 20},
    {"", "ArgMax", 1},
    {"", "ArgMin", 1},
    {"", "Asin", 7},
    {"", "Asinh", 9},
    {"", "Atan", 7},
    {"", "Atanh", 9},
    {"", "Attention", 23},
    {"", "AveragePool", 1},
    {"", "BatchNormalization", 1},
    {"", "Bernoulli", 15},
    {"", "Cast", 1},
    {"", "CastLike", 15},
    {"", "CausalConvWithState", 27},
    {"", "Ceil", 1},
    {"", "Celu", 28},
    {"", "CenterCropPad", 18},
    {"", "Clip", 1},
    {"", "Col2Im", 18},
    {"", "Compress", 9},
    {"", "Concat", 1},
    {"", "Constant", 1},
    {"", "ConstantOfShape", 9},
    {"", "Conv", 1},
    {"", "ConvTranspose", 1},
    {"", "Cos", 7},
    {"", "Cosh", 9},
    {"", "CumProd", 26},
    {"", "CumSum", 14},
    {"", "DFT", 17},
    {"", "DeformConv", 19},
    {"", "DepthToSpace", 1},
    {"", "DequantizeLinear", 19},
    {"", "Det", 11},
    {"", "Div", 1},
    {"", "Dropout", 1},
    {"", "Einsum", 12},
    {"", "Elu", 1},
    {"", "Equal", 11},
    {"", "Erf", 9},
    {"", "Exp", 1},
    {"", "Expand", 8},
    {"", "EyeLike", 9},
    {"", "Flatten", 1},
    {"", "Floor", 1},
    {"", "GRU", 1},
    {"", "Gather", 1},
    {"", "GatherElements", 11},
    {"", "GatherND", 11},
    {"", "Gelu", 20},
    {"", "Gemm", 1},
    {"", "GlobalAveragePool", 1},
    {"", "GlobalLpPool", 1},
    {"", "GlobalMaxPool", 1},
    {"", "Greater", 1},
    {"", "GreaterOrEqual", 12},
    {"", "GridSample", 16},
    {"", "GroupNormalization", 21},
    {"", "HardSigmoid", 1},
    {"", "HardSwish", 14},
    {"", "Hardmax", 1},
    {"", "Identity", 1},
    {"", "InstanceNormalization", 1},
    {"", "IsInf", 20},
    {"", "IsNaN", 9},
    {"", "LRN", 1},
    {"", "LSTM", 1},
    {"", "LayerNormalization", 17},
    {"", "LeakyRelu", 1},
    {"", "Less", 1},
    {"", "LessOrEqual", 12},
    {"", "LinearAttention", 27},
    {"", "Log", 1},
    {"", "LogSoftmax", 1},
    {"", "LpNormalization", 1},
    {"", "LpPool", 1},
    {"", "MatMul", 1},
    {"", "Max", 1},
    {"", "MaxPool", 1},
    {"", "MaxRoiPool", 1},
    {"", "MaxUnpool", 9},
    {"", "Mean", 1},
    {"", "Min", 1},
    {"", "Mish", 18},
    {"", "Mod", 10},
    {"", "Mul", 1},
    {"", "Multinomial", 7},
    {"", "Neg", 1},
    {"", "NegativeLogLikelihoodLoss", 12},
    {"", "NonZero", 9},
    {"", "OneHot", 9},
    {"", "PRelu", 1},
    {"", "Pad", 1},
    {"", "Pow", 1},
    {"", "QuantizeLinear", 19},
    {"", "RMSNormalization", 23},
    {"", "RNN", 1},
    {"", "RandomNormalLike", 1},
    {"", "RandomUniformLike", 1},
    {"", "Range", 27},
    {"", "Reciprocal", 1},
    {"", "ReduceL1", 1},
    {"", "ReduceL2", 1},
    {"", "ReduceLogSum", 1},
    {"", "ReduceLogSumExp", 1},
    {"", "ReduceMax", 1},
    {"", "ReduceMean", 1},
    {"", "ReduceMin", 1},
    {"", "ReduceProd", 1},
    {"", "ReduceSum", 1},
    {"", "ReduceSumSquare", 1},
    {"", "Relu", 1},
    {"", "Reshape", 1},
    {"", "Resize", 11, 2},
    {"", "ReverseSequence", 10},
    {"", "RoiAlign", 10},
    {"", "RotaryEmbedding", 23},
    {"", "Round", 11},
    {"", "STFT", 17},
    {"", "ScatterElements", 11},
    {"", "ScatterND", 11},
    {"", "Selu", 1},
    {"", "Shape", 1},
    {"", "Shrink", 9},
    {"", "Sigmoid", 1},
    {"", "Sign", 9},
    {"", "Sin", 7},
    {"", "Sinh", 9},
    {"", "Size", 1},
    {"", "Slice", 1},
    {"", "Softmax", 1},
    {"", "SoftmaxCrossEntropyLoss", 12},
    {"", "Softplus", 1},
    {"", "Softsign", 1},
    {"", "SpaceToDepth", 1},
    {"", "Split", 1},
    {"", "Sqrt", 1},
    {"", "Squeeze", 1},
    {"", "Sub", 1},
    {"", "Sum", 1},
    {"", "SwiGLU", 28},
    {"", "Swish", 24},
    {"", "Tan", 7},
    {"", "Tanh", 1},
    {"", "TensorScatter", 24},
    {"", "ThresholdedRelu", 10},
    {"", "Tile", 1},
    {"", "TopK", 1},
    {"", "Transpose", 1},
    {"", "Trilu", 14},
    {"", "Unique", 11},
    {"", "Unsqueeze", 1},
    {"", "Where", 9},
    {kMicrosoftDomain, "GatherBlockQuantized", 1},
    {kMicrosoftDomain, "GroupQueryAttention", 1},
    {kMicrosoftDomain, "MatMulNBits", 1},
    {kMicrosoftDomain, "MultiHeadAttention", 1},
    {kMicrosoftDomain, "RotaryEmbedding", 1},
});

constexpr bool float16_rows_in_order(const Float16Support& a, const Float16Support& b) {
  return a.domain != b.domain ? a.domain < b.domain : a.op_type < b.op_type;
}
static_assert(std::adjacent_find(kFloat16Supports.begin(), kFloat16Supports.end(),
                                 [](const Float16Support& a, const Float16Support& b) {
                                   return !float16_rows_in_order(a, b);
                                 }) == kFloat16Supports.end(),
              "rows are in order, and no operator has two");

}  // namespace

std::span<const Float16Support> float16_supports() { return kFloat16Supports; }

namespace {

// ONNX Runtime 1.31 loads Scatter with a reduction in float16 and fails in the run.
bool scatters_with_reduction(const Node& node) {
  const auto it = node.attributes.find("reduction");
  const auto* how = it == node.attributes.end() ? nullptr : std::get_if<std::string>(&it->second);
  return node.op_type.starts_with("Scatter") && how != nullptr && *how != "none";
}

}  // namespace

const Float16Support* float16_support(const Node& node, int64_t opset) {
  if (scatters_with_reduction(node)) return nullptr;
  const auto* const row = std::find_if(
      kFloat16Supports.begin(), kFloat16Supports.end(),
      [&](const auto& each) { return each.domain == node.domain && each.op_type == node.op_type; });
  if (row == kFloat16Supports.end()) return nullptr;
  return node.domain.empty() && opset < row->since ? nullptr : row;
}

}  // namespace lapidary::graph
