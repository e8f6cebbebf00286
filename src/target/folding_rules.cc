// Nodes that end up inside the one before them: a Clip of integers, an activation of floats, a
// second encoding. Alone each of them is right; what computes their input decides.
#include "target/tables.h"

namespace lapidary::target {
namespace {

const std::vector<Arch> kAll = {Arch::kV73, Arch::kV75, Arch::kV79, Arch::kV81};
const OperandIs kFloat{0, {DType::kFloat, DType::kFloat16}, {Scheme::kPlain}};
const OperandIs kA16{0, {DType::kUint16}, {Scheme::kTensor}, false};

const std::vector<std::string> kTransposed = {"Transpose"};
const char* const kClipIsLeftOut =
    "the Clip is left out without a word, and the encoding in front of it: what it should cut off "
    "comes through as far as the codes of its result reach";
const char* const kEndAtTheLimits =
    "let the encoding of the Clip's result end at its limits and requantize behind it; or write "
    "Max and Min";

const std::vector<std::string> kTables = {"Gelu", "Sigmoid", "Swish", "Tanh"};
const char* const kCoarse =
    "computed inside the node before it, from a coarser table: off by up to 8e-3";
const char* const kKeepApart =
    "put a Mul or Div by a constant other than 1 between them, or quantize the value to uint16";

MadeBy made_by(std::vector<std::string> ops) {
  return {.ops = std::move(ops), .through = kTransposed};
}
MadeBy product(std::vector<std::string> ops, bool constant_weight) {
  return {.ops = std::move(ops), .through = kTransposed, .constant_weight = constant_weight};
}
MadeBy alone(MadeBy by) {
  by.only_reader = true;
  return by;
}
const MadeBy kSum{.ops = {"Add"}, .equal_dims = true, .only_reader = true};

const std::vector<Rule> kRules = {
    {.id = "clip.behind_elementwise",
     .ops = {"Clip"},
     .when = {kA16, made_by({"Add", "Mul", "Sub"}), CodesPastLimits{}},
     .verdict = Verdict::kWrong,
     .reason = kClipIsLeftOut,
     .remedy = kEndAtTheLimits,
     .measured =
         "limits -1 and 1, codes to 4: relative error 0.9; 1 % beyond: 7e-3; codes that end "
         "at the limits, an int16 result, or behind another operator: right",
     .seen_on = kAll},
    {.id = "clip.behind_product",
     .ops = {"Clip"},
     .when = {kA16, product({"MatMul"}, true), BatchIn{0, {1, 1}}, CodesPastLimits{}},
     .verdict = Verdict::kWrong,
     .reason = kClipIsLeftOut,
     .remedy = kEndAtTheLimits,
     .measured = "limits -1 and 1, codes to 4: relative error 0.35; in batches, or of two computed "
                 "operands: right",
     .seen_on = kAll},
    {.id = "clip.behind_convolution",
     .ops = {"Clip"},
     .when = {kA16, made_by({"Conv", "Gemm"}), CodesPastLimits{}},
     .verdict = Verdict::kWrong,
     .reason = kClipIsLeftOut,
     .remedy = kEndAtTheLimits,
     .measured = "Gemm, limits -1 and 1.5, codes to 4: relative error 0.26; Conv, codes to 16: 2.7",
     .seen_on = kAll},
    {.id = "value.requantized_sum",
     .ops = {"QuantizeLinear"},
     .when = {OperandIs{0, {DType::kUint16}, {Scheme::kTensor}, false},
              OperandIs{kOutput, {DType::kInt16}},
              MadeBy{.ops = {"Add"}, .through = {"Transpose", "Clip"}, .only_reader = true},
              CodesPastInput{}},
     .verdict = Verdict::kWrong,
     .reason = "the uint16 encoding of the sum is left out without a word: what it should cut off "
               "comes through as far as the int16 codes reach",
     .remedy = "give both encodings one range; where values are to be cut off, put a Clip between "
               "two uint16 encodings in front",
     .measured = "uint16 to 1, then int16 to 4: relative error 0.9; behind another operator, or "
                 "read by two: right",
     .seen_on = kAll},

    {.id = "activation.behind_product",
     .ops = kTables,
     .when = {kFloat, alone(product({"Conv", "Gemm", "MatMul"}, true))},
     .verdict = Verdict::kLowered,
     .reason = kCoarse,
     .remedy = kKeepApart,
     .measured = "relative error 4e-3 (Gelu, Sigmoid) to 1.5e-2 (Tanh of small values)",
     .seen_on = kAll},
    {.id = "activation.behind_computed_product",
     .ops = kTables,
     .when = {kFloat, alone(product({"MatMul"}, false)), BatchIn{0, {1, 1}}},
     .verdict = Verdict::kLowered,
     .reason = kCoarse,
     .remedy = kKeepApart,
     .measured = "[1, 8, 64] by [1, 64, 24]: relative error 7e-3 to 1.5e-2; in batches: right",
     .seen_on = kAll},
    {.id = "activation.behind_sum",
     .ops = kTables,
     .when = {kFloat, kSum, DimIn{0, -1, {16, Range{}.max}}, NotMultipleOf{0, -2, 8}},
     .verdict = Verdict::kLowered,
     .reason = kCoarse,
     .remedy = kKeepApart,
     .measured = "[1, 12, 64]: relative error 9e-3, of values around 0.04 4e-2; [1, 8, 64] and "
                 "[1, 12, 15]: right, as with a scalar or vector added",
     .seen_on = kAll},
    {.id = "activation.behind_sum_of_planes",
     .ops = kTables,
     .when = {kFloat, kSum, DimIn{0, -1, {16, Range{}.max}}, DimIn{0, -3, {2, Range{}.max}}},
     .verdict = Verdict::kLowered,
     .reason = kCoarse,
     .remedy = kKeepApart,
     .measured = "[1, 8, 12, 24] and [2, 8, 64]: relative error 9e-3; [1, 8, 12, 15]: right",
     .seen_on = kAll},
};

}  // namespace

std::span<const Rule> folding_rules() { return kRules; }

}  // namespace lapidary::target
