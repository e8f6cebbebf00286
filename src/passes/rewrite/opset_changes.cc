#include "passes/rewrite/opset_changes.h"

#include <algorithm>
#include <array>

namespace lapidary::passes {
namespace {

using enum Raise;

// Source: ONNX's changelog of operators. That ONNX Runtime 1.31 computes the same before and after,
// where the text of a kSame row changed (AveragePool, LpPool, Pad, Resize, ...), was tried.
constexpr auto kOpsetChanges = std::to_array<OpsetChange>({
    {"Add", 14, kSame},
    {"AveragePool", 19, kSame},
    {"BatchNormalization", 14, kOneOutput},
    {"BatchNormalization", 15, kSame},
    {"Cast", 19, kSame},
    {"Cast", 21, kSame},
    {"CastLike", 19, kSame},
    {"CastLike", 21, kSame},
    {"Constant", 19, kSame},
    {"Constant", 21, kSame},
    {"ConstantOfShape", 20, kSame},
    {"ConstantOfShape", 21, kSame},
    {"CumSum", 14, kSame},
    {"DFT", 20, kAxisToInput},
    {"DequantizeLinear", 19, kSame},
    {"DequantizeLinear", 21, kSame},
    {"Div", 14, kSame},
    {"Equal", 19, kSame},
    {"Flatten", 21, kSame},
    {"GRU", 14, kSame},
    {"GreaterOrEqual", 16, kSame},
    {"GridSample", 20, kModeNames},
    {"GroupNormalization", 21, kNone},
    {"Identity", 14, kSame},
    {"Identity", 16, kSame},
    {"Identity", 19, kSame},
    {"Identity", 21, kSame},
    {"If", 16, kSame},
    {"If", 19, kSame},
    {"If", 21, kSame},
    {"IsInf", 20, kSame},
    {"IsNaN", 20, kSame},
    {"LSTM", 14, kSame},
    {"LeakyRelu", 16, kSame},
    {"LessOrEqual", 16, kSame},
    {"Loop", 16, kSame},
    {"Loop", 19, kSame},
    {"Loop", 21, kSame},
    {"LpPool", 18, kSame},
    {"Mul", 14, kSame},
    {"OptionalGetElement", 18, kSame},
    {"OptionalHasElement", 18, kSame},
    {"PRelu", 16, kSame},
    {"Pad", 18, kSame},
    {"Pad", 19, kSame},
    {"Pad", 21, kSame},
    {"Pow", 15, kSame},
    {"QLinearMatMul", 21, kSame},
    {"QuantizeLinear", 19, kScaleHasInputsType},
    {"QuantizeLinear", 21, kSame},
    {"RNN", 14, kSame},
    {"ReduceL1", 18, kAxesToInput},
    {"ReduceL2", 18, kAxesToInput},
    {"ReduceLogSum", 18, kAxesToInput},
    {"ReduceLogSumExp", 18, kAxesToInput},
    {"ReduceMax", 18, kAxesToInput},
    {"ReduceMax", 20, kSame},
    {"ReduceMean", 18, kAxesToInput},
    {"ReduceMin", 18, kAxesToInput},
    {"ReduceMin", 20, kSame},
    {"ReduceProd", 18, kAxesToInput},
    {"ReduceSumSquare", 18, kAxesToInput},
    {"Relu", 14, kSame},
    {"Reshape", 14, kSame},
    {"Reshape", 19, kSame},
    {"Reshape", 21, kSame},
    {"Resize", 18, kSame},
    {"Resize", 19, kSame},
    {"RoiAlign", 16, kOutputHalfPixel},
    {"Scan", 16, kSame},
    {"Scan", 19, kSame},
    {"Scan", 21, kSame},
    {"ScatterElements", 16, kSame},
    {"ScatterElements", 18, kSame},
    {"ScatterND", 16, kSame},
    {"ScatterND", 18, kSame},
    {"Shape", 15, kSame},
    {"Shape", 19, kSame},
    {"Shape", 21, kSame},
    {"Size", 19, kSame},
    {"Size", 21, kSame},
    {"Split", 18, kNumOutputs},
    {"Squeeze", 21, kSame},
    {"Sub", 14, kSame},
    {"Transpose", 21, kSame},
    {"Unsqueeze", 21, kSame},
    {"Where", 16, kSame},
});

constexpr bool opset_rows_in_order(const OpsetChange& a, const OpsetChange& b) {
  return a.op_type != b.op_type ? a.op_type < b.op_type : a.since < b.since;
}
static_assert(std::adjacent_find(kOpsetChanges.begin(), kOpsetChanges.end(),
                                 [](const OpsetChange& a, const OpsetChange& b) {
                                   return !opset_rows_in_order(a, b);
                                 }) == kOpsetChanges.end(),
              "rows are in order, and no version has two");

}  // namespace

std::span<const OpsetChange> opset_changes() { return kOpsetChanges; }

std::vector<OpsetChange> opset_changes(std::string_view op_type, int64_t from, int64_t to) {
  std::vector<OpsetChange> out;
  for (const OpsetChange& change : kOpsetChanges) {
    if (change.op_type == op_type && change.since > from && change.since <= to) {
      out.push_back(change);
    }
  }
  return out;
}

}  // namespace lapidary::passes
