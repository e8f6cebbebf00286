// Dequantized weights, before the products that take them.
#include <limits>

#include "target/tables.h"

namespace lapidary::target {
namespace {

const std::vector<Arch> kAll = {Arch::kV73, Arch::kV75, Arch::kV79, Arch::kV81};
const std::vector<Scheme> kAnyBlocks = {Scheme::kBlock, Scheme::kBlockExpansion};

// The output of a DequantizeLinear of weights.
OperandIs dequantized(std::vector<DType> storage, std::vector<Scheme> schemes,
                      std::optional<bool> zero_points = std::nullopt) {
  return {kOutput, std::move(storage), std::move(schemes), true, zero_points};
}

OperandIs lpbq_of(Range block_size) {
  return {kOutput, {DType::kInt4}, {Scheme::kBlockExpansion}, true, std::nullopt, block_size};
}
constexpr Range kBelowZero = {Range{}.min,
                              -static_cast<double>(std::numeric_limits<float>::denorm_min())};
const char* const kGoodBlocks =
    "use blocks of 32 or a multiple, or of 16 where the inner dim is a multiple of 32";
// Of the outputs of an LPBQ weight, and of its inputs in blocks of 16: what is beyond one tile.
constexpr Range kSeveralTiles = {33, Range{}.max};
constexpr Range kSeveralBlocks = {17, Range{}.max};

const std::vector<Rule> kRules = {
    {.id = "weight.blocks_with_zero_points",
     .ops = {"DequantizeLinear"},
     .when = {dequantized({DType::kInt4, DType::kInt8}, kAnyBlocks, true)},
     .verdict = Verdict::kWrong,
     .reason = "the zero points of blocks are added where they should be subtracted",
     .remedy = "quantize in blocks without zero points (symmetric)",
     .measured = "int4, block 32: relative error 1.6, (q + z) * s comes out; int8 alike on v81",
     .seen_on = kAll},
    {.id = "weight.unsigned_blocks",
     .ops = {"DequantizeLinear"},
     .when = {dequantized({DType::kUint4}, kAnyBlocks)},
     .verdict = Verdict::kWrong,
     .reason = "blocks of uint4 are computed wrong, whatever their zero points",
     .remedy = "store the blocks as int4 without zero points",
     .measured = "block 32, zero point 8: relative error 4.5",
     .seen_on = kAll},
    {.id = "weight.channel_with_zero_points",
     .ops = {"DequantizeLinear"},
     .when = {dequantized({DType::kInt4, DType::kInt8, DType::kUint4, DType::kUint8},
                          {Scheme::kChannel}, true)},
     .verdict = Verdict::kRefused,
     .reason = "weights per channel have no zero points on the HTP",
     .remedy = "quantize per channel without zero points, or per tensor",
     .measured = "int4 and int8 with zero point 2, on v81 uint8 asymmetric: refused",
     .seen_on = kAll},
    {.id = "weight.int4_zero_points_omitted",
     .ops = {"DequantizeLinear"},
     .when = {dequantized({DType::kInt4}, {Scheme::kChannel, Scheme::kTensor}),
              InputGiven{2, false}},
     .verdict = Verdict::kWrong,
     .reason = "int4 weights per channel or tensor are computed wrong when the zero-point input is "
               "omitted",
     .remedy = "give the zero points: int4 zeros of the shape of the scale",
     .measured = "relative error 4.3 to 4.7; with the zeros given 6e-4 to 9e-4",
     .seen_on = kAll},
    {.id = "weight.negative_scales",
     .ops = {"DequantizeLinear"},
     .when = {dequantized({DType::kInt4, DType::kInt8}, {Scheme::kChannel, Scheme::kTensor}),
              ValueIn{1, kBelowZero}},
     .verdict = Verdict::kWrong,
     .reason = "weights per channel or tensor are computed wrong when a scale is negative",
     .remedy = "negate the scale and its codes, or quantize that weight again (MatMulNBitsToQDQ: "
               "on_unsafe=recode); blocks may have negative scales",
     .measured = "int4 and int8: half of the channels relative error 1.5 to 1.8, per tensor 2.0 "
                 "(the sign is lost); blocks of 32: right",
     .seen_on = kAll},
    {.id = "weight.lpbq_zero_points_omitted",
     .ops = {"DequantizeLinear"},
     .when = {dequantized({DType::kInt4}, {Scheme::kBlockExpansion}), InputGiven{2, false}},
     .verdict = Verdict::kRefused,
     .reason = "LPBQ weights are not recognized when the zero-point input is omitted",
     .remedy = "give the zero points: int4 zeros of the block scales' shape",
     .measured = "block 32: refused; with the zeros given 8e-5",
     .seen_on = kAll},
    {.id = "weight.lpbq_small_blocks",
     .ops = {"DequantizeLinear"},
     .when = {lpbq_of({1, 15})},
     .verdict = Verdict::kWrong,
     .reason = "LPBQ blocks of less than 16 come out as garbage",
     .remedy = kGoodBlocks,
     .measured = "blocks of 8 and 12: relative error 4.1 to 6.4",
     .seen_on = kAll},
    {.id = "weight.lpbq_uneven_blocks",
     .ops = {"DequantizeLinear"},
     .when = {lpbq_of({17, Range{}.max}), NotMultipleOf{kOutput, std::nullopt, 32}},
     .verdict = Verdict::kWrong,
     .reason = "LPBQ blocks that are no multiple of 32 come out as garbage",
     .remedy = kGoodBlocks,
     .measured = "blocks of 24, 48 and 80: relative error 3.5 to 5.4; 32, 96, 192 and 320: right",
     .seen_on = kAll},
    {.id = "weight.lpbq_uneven_inputs",
     .ops = {"DequantizeLinear"},
     .when = {lpbq_of({16, 16}), DimIn{kOutput, 0, kSeveralBlocks}, NotMultipleOf{kOutput, 0, 32},
              DimIn{kOutput, -1, kSeveralTiles}},
     .verdict = Verdict::kWrong,
     .reason =
         "LPBQ blocks of 16 come out wrong where the inner dim is no multiple of 32 and there "
         "are more than 32 outputs",
     .remedy = "quantize that weight per channel, or pad its inner dim to a multiple of 32",
     .measured = "inner dims 48, 80, 240 and 272 with 33 to 512 outputs: relative error 0.2 to 9; "
                 "with 8 to 32 outputs, or inner dims 16, 96 and 160: right",
     .seen_on = kAll},
    {.id = "weight.transposed_blocks",
     .ops = {"Transpose"},
     .when = {OperandIs{0, {}, kAnyBlocks, true}},
     .verdict = Verdict::kRefused,
     .reason = "blocks are taken only by the product itself",
     .remedy = "store the weight as [inputs, outputs], in blocks along axis 0",
     .measured = "int4, block 32, axis 1, Transpose, MatMul: refused",
     .seen_on = kAll},
    {.id = "weight.dequantized",
     .ops = {"DequantizeLinear"},
     .when = {dequantized({DType::kInt4, DType::kInt8, DType::kUint8},
                          {Scheme::kChannel, Scheme::kBlock, Scheme::kBlockExpansion}, false)},
     .verdict = Verdict::kNative,
     .reason = "becomes the encoding of the weight",
     .measured = "see the products",
     .seen_on = kAll},
    {.id = "value.dequantized",
     .ops = {"DequantizeLinear"},
     .when = {OperandIs{kOutput,
                        {DType::kInt4, DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16},
                        {Scheme::kTensor}}},
     .verdict = Verdict::kNative,
     .reason = "becomes the encoding of the value",
     .measured = "see the operators",
     .seen_on = kAll},
    {.id = "value.quantized",
     .ops = {"QuantizeLinear"},
     .when = {OperandIs{
         kOutput, {DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16}, {Scheme::kPlain}}},
     .verdict = Verdict::kNative,
     .reason = "becomes the encoding of the value; at the graph's edge a conversion",
     .measured = "see the operators",
     .seen_on = kAll},
};

}  // namespace

std::span<const Rule> weight_rules() { return kRules; }

}  // namespace lapidary::target
