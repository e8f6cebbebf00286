// Products with constant weights, products of two computed operands, convolutions.
#include "target/tables.h"

namespace lapidary::target {
namespace {

using tensor::DType;

const std::vector<Arch> kAll = {Arch::kV73, Arch::kV75, Arch::kV79, Arch::kV81};
const std::vector<Arch> kNewer = {Arch::kV79, Arch::kV81};
const std::vector<DType> kFloats = {DType::kFloat, DType::kFloat16};

OperandIs floats(int operand) { return {operand, kFloats, {Scheme::kPlain}}; }
OperandIs per_tensor(int operand, std::vector<DType> storage) {
  return {operand, std::move(storage), {Scheme::kTensor}};
}
OperandIs weight(std::vector<DType> storage, std::vector<Scheme> schemes) {
  return {1, std::move(storage), std::move(schemes), true};
}
OperandIs blocks(Scheme scheme, Range sizes) {
  return {1, {DType::kInt4}, {scheme}, true, std::nullopt, sizes};
}
const std::vector<std::string> kProducts = {"MatMul", "Gemm"};
const std::vector<Scheme> kAnyBlocks = {Scheme::kBlock, Scheme::kBlockExpansion};
const char* const kExplicitLpbq =
    "dequantize the block scales themselves: DequantizeLinear(uint8 1 to 16, float scale per "
    "channel) as the scale of the int4 weight, before a MatMul";

const std::vector<std::string> kNbits = {"com.microsoft::MatMulNBits"};
const OperandIs kA16 = per_tensor(0, {DType::kUint16});
const AttributeIn kSmallBlocks{"block_size", 0, Range{32, 128}};

AttributeIn bits(double n) { return {"bits", 4, Range{n, n}}; }
OperandIs computed(OperandIs operand) {
  operand.constant = false;
  return operand;
}

const std::vector<Rule> kRules = {
    {.id = "product.float_by_channel_weight",
     .ops = kProducts,
     .when = {floats(0), weight({DType::kInt4, DType::kInt8}, {Scheme::kChannel})},
     .verdict = Verdict::kRefused,
     .reason = "a weight per channel needs quantized activations",
     .remedy = "quantize the activations to uint16, or use com.microsoft::MatMulNBits",
     .measured = "int8 and int4: refused",
     .seen_on = kAll},
    {.id = "product.float_by_blocks",
     .ops = kProducts,
     .when = {floats(0), weight({}, kAnyBlocks)},
     .verdict = Verdict::kRefused,
     .reason = "a weight in blocks needs quantized activations",
     .remedy = "quantize the activations to uint16, or use com.microsoft::MatMulNBits",
     .measured = "int4, block 32, and LPBQ: refused",
     .seen_on = kAll},
    {.id = "gemm.lpbq_with_bias",
     .ops = {"Gemm"},
     .when = {weight({DType::kInt4}, {Scheme::kBlockExpansion}), InputGiven{2, true}},
     .verdict = Verdict::kWrong,
     .reason = "the bias of a Gemm with LPBQ weights is dropped or spoilt",
     .remedy = "write MatMul and Add",
     .measured = "relative error 0.5 at transB 0",
     .seen_on = kAll},
    {.id = "gemm.lpbq_without_bias",
     .ops = {"Gemm"},
     .when = {weight({DType::kInt4}, {Scheme::kBlockExpansion}), InputGiven{2, false},
              AttributeIn{"transB", 0, Range{0, 0}}},
     .verdict = Verdict::kRefused,
     .reason = "a Gemm with LPBQ weights is not taken",
     .remedy = "write MatMul",
     .measured = "block 32: refused",
     .seen_on = kAll},
    {.id = "product.a16w8",
     .ops = kProducts,
     .when = {per_tensor(0, {DType::kUint16}),
              weight({DType::kInt8}, {Scheme::kChannel, Scheme::kTensor})},
     .verdict = Verdict::kNative,
     .reason = "FullyConnected in integers, 8.05 bits a weight",
     .measured = "relative error 8e-5, inner dims to 12288",
     .seen_on = kAll},
    {.id = "product.a16w8_unsigned",
     .ops = kProducts,
     .when = {per_tensor(0, {DType::kUint16}), weight({DType::kUint8}, {Scheme::kTensor})},
     .verdict = Verdict::kNative,
     .reason = "FullyConnected in integers; zero points are right per tensor",
     .measured = "asymmetric: right",
     .seen_on = {Arch::kV81}},
    {.id = "product.a16w4",
     .ops = kProducts,
     .when = {per_tensor(0, {DType::kUint16}),
              weight({DType::kInt4}, {Scheme::kChannel, Scheme::kTensor})},
     .verdict = Verdict::kNative,
     .reason = "FullyConnected in integers, 4.05 bits a weight",
     .measured = "relative error 6e-4 per channel, 9e-4 per tensor",
     .seen_on = kAll},
    {.id = "product.a8",
     .ops = kProducts,
     .when = {per_tensor(0, {DType::kUint8}),
              weight({DType::kInt8, DType::kInt4}, {Scheme::kChannel, Scheme::kTensor})},
     .verdict = Verdict::kNative,
     .reason = "FullyConnected in integers, activations of 8 bits",
     .measured = "relative error 1e-2",
     .seen_on = kNewer},
    {.id = "matmul.a16_lpbq",
     .ops = {"MatMul"},
     .when = {per_tensor(0, {DType::kUint16}), blocks(Scheme::kBlockExpansion, {16, 256})},
     .verdict = Verdict::kNative,
     .reason = "integer kernel, 4.30 bits a weight",
     .measured = "relative error 8e-5, blocks of 16 to 256",
     .seen_on = kAll},
    {.id = "product.a16_int4_blocks",
     .ops = kProducts,
     .when = {per_tensor(0, {DType::kUint16}), blocks(Scheme::kBlock, {8, 256})},
     .verdict = Verdict::kLowered,
     .reason =
         "goes through a float16 kernel, five times as slow when emulated; 4.54 bits a weight",
     .remedy = kExplicitLpbq,
     .measured = "relative error 4e-4, blocks of 8 to 256",
     .seen_on = kAll},
    {.id = "product.a16_int8_blocks",
     .ops = kProducts,
     .when = {per_tensor(0, {DType::kUint16}), weight({DType::kInt8}, {Scheme::kBlock})},
     .verdict = Verdict::kLowered,
     .reason = "goes through a float16 kernel",
     .remedy = "quantize int8 weights per channel",
     .measured = "relative error 4e-4, block 32",
     .seen_on = kAll},
    {.id = "product.float_by_tensor_weight",
     .ops = kProducts,
     .when = {floats(0), weight({DType::kInt8}, {Scheme::kTensor})},
     .verdict = Verdict::kLowered,
     .reason = "the weight is widened to float16",
     .remedy = "quantize the activations to uint16",
     .measured = "relative error 5e-4 to 5e-3",
     .seen_on = kAll},
    {.id = "product.float",
     .ops = {"MatMul", "Gemm", "Conv"},
     .when = {floats(0), floats(1)},
     .verdict = Verdict::kNative,
     .reason = "float16 kernel, 16 bits a weight",
     .measured = "relative error 3.6e-4",
     .seen_on = kNewer},
    {.id = "conv.a16w8",
     .ops = {"Conv"},
     .when = {per_tensor(0, {DType::kUint16}), weight({DType::kInt8}, {Scheme::kChannel})},
     .verdict = Verdict::kNative,
     .reason = "integer convolution: 1x1, 3x3, patches of 16x16, depthwise over time",
     .measured = "relative error 6e-5 to 1.4e-4",
     .seen_on = kNewer},
    {.id = "matmul.dynamic_uint16_uint16",
     .ops = {"MatMul"},
     .when = {computed(kA16), computed(per_tensor(1, {DType::kUint16}))},
     .verdict = Verdict::kWrong,
     .reason = "the second operand is cut to 8 bits without a word",
     .remedy = "quantize the second operand to int16 with zero point 0",
     .measured = "relative error 1.1e-2, with int16 1.7e-4",
     .seen_on = kAll},
    {.id = "matmul.dynamic_uint16_int16",
     .ops = {"MatMul"},
     .when = {computed(kA16), OperandIs{1, {DType::kInt16}, {Scheme::kTensor}, false, false}},
     .verdict = Verdict::kNative,
     .reason = "integer kernel; needs soc_model to be set",
     .measured = "relative error 1.7e-4",
     .seen_on = kAll},
    {.id = "matmul.dynamic_int16_int16",
     .ops = {"MatMul"},
     .when = {computed(per_tensor(0, {DType::kInt16})), computed(per_tensor(1, {DType::kInt16}))},
     .verdict = Verdict::kLowered,
     .reason = "goes through float16",
     .remedy = "quantize the first operand to uint16",
     .measured = "relative error 3.8e-4",
     .seen_on = kAll},
    {.id = "matmul.dynamic_uint16_8_bits",
     .ops = {"MatMul"},
     .when = {computed(kA16), computed(per_tensor(1, {DType::kInt8, DType::kUint8}))},
     .verdict = Verdict::kNative,
     .reason = "integer kernel, second operand of 8 bits",
     .measured = "relative error 3.4e-3",
     .seen_on = kAll},
    {.id = "matmul.dynamic_uint8_uint8",
     .ops = {"MatMul"},
     .when = {computed(per_tensor(0, {DType::kUint8})), computed(per_tensor(1, {DType::kUint8}))},
     .verdict = Verdict::kNative,
     .reason = "integer kernel, both operands of 8 bits",
     .measured = "relative error 1.6e-2",
     .seen_on = kAll},
    {.id = "nbits.a16_4_bits_integer",
     .ops = kNbits,
     .when = {kA16, bits(4), kSmallBlocks},
     .verdict = Verdict::kNative,
     .reason = "integer kernel, but 8.02 bits a weight are stored",
     .remedy = kExplicitLpbq,
     .measured = "relative error 7e-5",
     .seen_on = {Arch::kV81},
     .holds = {Arch::kV81}},
    {.id = "nbits.a16_4_bits_float16",
     .ops = kNbits,
     .when = {kA16, bits(4), kSmallBlocks},
     .verdict = Verdict::kLowered,
     .reason = "goes through a float16 kernel",
     .remedy = kExplicitLpbq,
     .measured = "BW_FLOAT_BLOCK in the compiler's dump",
     .seen_on = {Arch::kV79},
     .holds = {Arch::kV73, Arch::kV75, Arch::kV79}},
    {.id = "nbits.float_4_bits",
     .ops = kNbits,
     .when = {floats(0), bits(4)},
     .verdict = Verdict::kNative,
     .reason = "float16 kernel; zero points are right",
     .measured = "relative error 4e-4",
     .seen_on = kNewer},
    {.id = "nbits.8_bits",
     .ops = kNbits,
     .when = {bits(8)},
     .verdict = Verdict::kNative,
     .reason = "float16 kernel: the form of int8 weights for float16 activations",
     .measured = "BW_FLOAT_BLOCK in the compiler's dump",
     .seen_on = kNewer},
    {.id = "nbits.2_bits",
     .ops = kNbits,
     .when = {bits(2)},
     .verdict = Verdict::kNative,
     .reason = "float16 kernel",
     .measured = "BW_FLOAT_BLOCK in the compiler's dump",
     .seen_on = kNewer},
};

}  // namespace

std::span<const Rule> product_rules() { return kRules; }

}  // namespace lapidary::target
