// Every rule against a smallest graph that has its form and one that misses it by one step.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "graph/fixed_shapes.h"
#include "target/conditions.h"
#include "target/legality.h"
#include "target/test_graphs.h"

namespace lapidary::target {
namespace {

using Emit = std::function<void(Builder&, const std::string& op)>;

struct Case {
  const char* rule;
  Emit hit;   // run with each operator of the rule
  Emit miss;  // the same operators
};

Emit with(std::function<Ref(Builder&)> x, WeightForm form = {}) {
  return [x = std::move(x), form](Builder& b, const std::string& op) {
    emit(b, op, {x(b), weight(b, form)});
  };
}
Emit by_float_weight(std::function<Ref(Builder&)> x) {
  return [x = std::move(x)](Builder& b, const std::string& op) {
    emit(b, op, {x(b), filled(b, "w", DType::kFloat, {kIn, kOut})});
  };
}
Emit dequantized(WeightForm form) {
  return [form](Builder& b, const std::string&) { weight(b, form); };
}
Emit unary(Dims dims, DType dtype = DType::kFloat) {
  return [=](Builder& b, const std::string& op) { emit(b, op, {plain(b, dims, dtype)}); };
}
Emit unary_a16(Dims dims) {
  return [=](Builder& b, const std::string& op) { emit(b, op, {a16(b, dims)}); };
}
Emit two_computed(DType first, DType second, int zero_point = 0) {
  return [=](Builder& b, const std::string& op) {
    emit(
        b, op,
        {quantized(b, {1, 3, 8}, first, 0, "x"), quantized(b, {1, 8, 3}, second, zero_point, "y")});
  };
}
// The second operand does not come straight from its graph input.
Emit moved_then_multiplied() {
  return [=](Builder& b, const std::string& op) {
    const Ref y = b.op("Transpose", {quantized(b, {1, 3, 8}, DType::kInt16, 0, "y")});
    const Ref scale = filled(b, "m_scale", DType::kFloat, {});
    const Ref zero = filled(b, "m_zero_point", DType::kInt16, {});
    const Ref moved =
        b.op("DequantizeLinear", {b.op("QuantizeLinear", {y, scale, zero}), scale, zero});
    emit(b, op, {quantized(b, {1, 3, 8}, DType::kUint16, 0, "x"), moved});
  };
}
Emit quantized_result(bool port) {
  return [=](Builder& b, const std::string& op) {
    const Ref y = emit(b, op, {a16(b, {1, 3})});
    const Ref scale = filled(b, "y_scale", DType::kFloat, {});
    const Ref zero = filled(b, "y_zero_point", DType::kUint16, {});
    const Ref codes = b.op("QuantizeLinear", {y, scale, zero});
    b.output("y", port ? codes : b.op("DequantizeLinear", {codes, scale, zero}),
             port ? DType::kUint16 : DType::kFloat, {int64_t{1}, int64_t{3}});
  };
}
Emit with_attributes(Attributes attributes, bool quantize = false) {
  return [=](Builder& b, const std::string& op) {
    const Ref x = quantize ? a16(b) : plain(b, {1, 3, kIn});
    emit(b, op, {x, filled(b, "w", DType::kUint8, {kOut, 2, 16})}, attributes);
  };
}
Emit divided_by(Dims dims, float value, bool constant = true, bool quantize = false) {
  return [=](Builder& b, const std::string& op) {
    const std::vector<float> values(static_cast<size_t>(tensor::element_count(dims)), value);
    const Ref x = quantize ? a16(b) : plain(b, {1, 3, 64});
    const Ref y =
        constant ? b.weight("y", tensor::floats(dims, values)) : plain(b, dims, DType::kFloat, "y");
    emit(b, op, {x, y});
  };
}
Emit gemm(WeightForm form, bool bias) {
  return [=](Builder& b, const std::string& op) {
    std::vector<Ref> inputs = {a16(b, {3, kIn}), weight(b, form)};
    if (bias) inputs.push_back(filled(b, "bias", DType::kFloat, {kOut}));
    emit(b, op, inputs);
  };
}
// Over [1, kIn, 8, 8], a kernel of size x size.
Emit convolution(WeightForm form, bool bias, int64_t size = 1) {
  return [=](Builder& b, const std::string& op) {
    std::vector<Ref> inputs = {a16(b, {1, kIn, 8, 8}), conv_weight(b, form, size)};
    if (bias) inputs.push_back(filled(b, "bias", DType::kFloat, {kOut}));
    emit(b, op, inputs);
  };
}
Emit layer_norm(int zero_point, bool bias) {
  return [=](Builder& b, const std::string& op) {
    const Ref w = b.op("DequantizeLinear", {filled(b, "w", DType::kUint16, {kIn}, 1),
                                            filled(b, "w_scale", DType::kFloat, {}),
                                            filled(b, "w_zp", DType::kUint16, {}, zero_point)});
    std::vector<Ref> inputs = {a16(b), w};
    if (bias) inputs.push_back(filled(b, "bias", DType::kFloat, {kIn}));
    emit(b, op, inputs);
  };
}
Emit gathered(DType dtype) {
  return [=](Builder& b, const std::string& op) {
    emit(b, op, {filled(b, "table", dtype, {8, 4}), plain(b, {1, 3}, DType::kInt32)});
  };
}
Emit gathered_from(WeightForm form) {
  return [=](Builder& b, const std::string& op) {
    emit(b, op, {weight(b, form), plain(b, {1, 3}, DType::kInt32)});
  };
}
Emit transposed(WeightForm form) {
  return [=](Builder& b, const std::string& op) { emit(b, op, {weight(b, form)}); };
}

// Codes from -reach to reach, around a zero point in the middle.
Ref requantized(Builder& b, const Ref& x, float reach, DType code = DType::kUint16) {
  const auto name = [&](const char* what) {
    return fmt::format("{}{}{:f}", x.name, what, double{reach});
  };
  const Ref scale = b.weight(name("_scale"), tensor::floats({}, {reach / 32767}));
  // In the middle of the codes, so that they reach as far to either side.
  const std::byte high{code == DType::kUint16 ? uint8_t{0x80} : uint8_t{0}};
  const Ref zero_point =
      b.weight(name("_zero_point"), tensor::literal({code, {}}, {std::byte{0}, high}));
  const Ref codes = b.op("QuantizeLinear", {x, scale, zero_point});
  return b.op("DequantizeLinear", {codes, scale, zero_point});
}
// What an operator that others end up in computes, of x [dims].
Ref made_by(Builder& b, const std::string& maker, const Ref& x, const Dims& dims, bool floats) {
  if (maker == "Conv") {
    const WeightForm form{.code = DType::kInt4, .scheme = Scheme::kBlock};
    return b.op(maker, {x, conv_weight(b, form, 1)});
  }
  if (maker == "MatMul" || maker == "Gemm") {
    return b.op(maker, {x, floats ? filled(b, "w", DType::kFloat, {kIn, kOut}) : weight(b, {})});
  }
  return b.op(maker, {x, floats ? plain(b, dims, DType::kFloat, "y") : a16(b, dims, "y")});
}
// Clipped to -1 and 1, in codes that reach to `reach`.
Emit clipped(const std::string& maker, Dims dims, float reach, DType code = DType::kUint16) {
  return [=](Builder& b, const std::string& op) {
    const Ref x = requantized(b, made_by(b, maker, a16(b, dims), dims, false), 4);
    const Ref y = emit(b, op, {x, b.constant_scalar(-1.0F), b.constant_scalar(1.0F)});
    requantized(b, y, reach, code);
  };
}
// A sum in codes to `first`, then in int16 to `second`.
Emit encoded_twice(float first, float second, bool read_by_two = false) {
  return [=](Builder& b, const std::string&) {
    const Ref sum = b.op("Add", {a16(b), a16(b, {1, 3, kIn}, "y")});
    const Ref x = requantized(b, sum, first);
    requantized(b, x, second, DType::kInt16);
    if (read_by_two) b.op("Tanh", {x});
  };
}
Emit activated(const std::string& maker, Dims dims) {
  return [=](Builder& b, const std::string& op) {
    emit(b, op, {made_by(b, maker, plain(b, dims), dims, true)});
  };
}
// Of two computed operands.
Emit activated_product(int64_t batch) {
  return [=](Builder& b, const std::string& op) {
    const Ref y = plain(b, {batch, kIn, 8}, DType::kFloat, "y");
    emit(b, op, {b.op("MatMul", {plain(b, {batch, 8, kIn}), y})});
  };
}

const Emit kNothing = [](Builder& b, const std::string&) { emit(b, "Tanh", {plain(b, {1, 3})}); };
const std::function<Ref(Builder&)> kA16 = [](Builder& b) { return a16(b); };
const std::function<Ref(Builder&)> kFloat32 = [](Builder& b) { return plain(b, {1, 3, kIn}); };
const std::function<Ref(Builder&)> kA8 = [](Builder& b) {
  return quantized(b, {1, 3, kIn}, DType::kUint8, 0x80);
};
const std::function<Ref(Builder&)> kDouble = [](Builder& b) {
  return plain(b, {1, 3, kIn}, DType::kDouble);
};

constexpr auto kChannel = Scheme::kChannel;
constexpr auto kTensor = Scheme::kTensor;
constexpr auto kBlock = Scheme::kBlock;
constexpr auto kLpbq = Scheme::kBlockExpansion;
constexpr auto kOmitted = ZeroPoints::kOmitted;
constexpr auto kZeros = ZeroPoints::kZeros;
constexpr auto kOther = ZeroPoints::kOther;
constexpr auto kInt4 = DType::kInt4;
constexpr auto kUint4 = DType::kUint4;
constexpr auto kInt8 = DType::kInt8;
constexpr auto kUint8 = DType::kUint8;
constexpr auto kInt16 = DType::kInt16;
constexpr auto kUint16 = DType::kUint16;

const Case kWeightCases[] = {
    {"weight.blocks_with_zero_points", dequantized({kInt4, kBlock, kOther}),
     dequantized({kInt4, kBlock, kZeros})},
    {"weight.unsigned_blocks", dequantized({kUint4, kBlock}), dequantized({kInt4, kBlock})},
    {"weight.channel_with_zero_points", dequantized({kInt8, kChannel, kOther}),
     dequantized({kInt8, kChannel, kZeros})},
    {"weight.int4_zero_points_omitted", dequantized({kInt4, kChannel, kOmitted}),
     dequantized({kInt4, kChannel, kZeros})},
    {"weight.negative_scales", dequantized({.code = kInt4, .negative = true}),
     dequantized({.code = kInt4})},
    {"weight.lpbq_zero_points_omitted", dequantized({kInt4, kLpbq, kOmitted}),
     dequantized({kInt4, kLpbq, kZeros})},
    {"weight.lpbq_small_blocks", dequantized({kInt4, kLpbq, kZeros, 8}),
     dequantized({kInt4, kLpbq, kZeros, 16})},
    {"weight.lpbq_uneven_blocks", dequantized({kInt4, kLpbq, kZeros, 24, 48}),
     dequantized({kInt4, kLpbq, kZeros, 96, 96})},
    {"weight.lpbq_uneven_inputs", dequantized({kInt4, kLpbq, kZeros, 16, 48, 33}),
     dequantized({kInt4, kLpbq, kZeros, 16, 48, 32})},
    {"weight.lpbq_uneven_inputs", dequantized({kInt4, kLpbq, kZeros, 16, 48, 64}),
     dequantized({kInt4, kLpbq, kZeros, 16, 96, 64})},
    {"weight.lpbq_uneven_inputs", dequantized({kInt4, kLpbq, kZeros, 16, 80, 64}),
     dequantized({kInt4, kLpbq, kZeros, 16, 16, 64})},
    {"weight.transposed_blocks", transposed({kInt4, kBlock}), unary({1, 3, 4})},
    {"weight.dequantized", dequantized({kInt8, kChannel, kOmitted}),
     dequantized({kInt16, kChannel, kOmitted})},
    {"value.dequantized", [](Builder& b, const std::string&) { a16(b); },
     dequantized({kUint4, kTensor})},
    {"value.quantized",
     [](Builder& b, const std::string& op) {
       emit(b, op, {plain(b, {3}), filled(b, "s", DType::kFloat, {}), filled(b, "z", kUint16, {})});
     },
     [](Builder& b, const std::string& op) {
       emit(b, op, {plain(b, {3}), filled(b, "s", DType::kFloat, {}), filled(b, "z", kInt4, {})});
     }},
};

const Case kProductCases[] = {
    {"product.float_by_channel_weight", with(kFloat32, {kInt8, kChannel}),
     with(kA16, {kInt8, kChannel})},
    {"product.float_by_blocks", with(kFloat32, {kInt4, kBlock}), with(kA16, {kInt4, kBlock})},
    {"product.uint8_channel_weight", with(kA16, {kUint8, kChannel}), with(kA16, {kInt8, kChannel})},
    {"product.uint4_channel_weight", with(kA16, {kUint4, kChannel}), with(kA16, {kInt4, kChannel})},
    {"gemm.lpbq_with_bias", gemm({kInt4, kLpbq}, true), gemm({kInt8, kChannel}, true)},
    {"gemm.lpbq_without_bias", gemm({kInt4, kLpbq}, false), gemm({kInt8, kChannel}, false)},
    {"gemm.blocks_with_bias", gemm({kInt4, kBlock}, true), gemm({kInt4, kBlock}, false)},
    {"conv.lpbq", convolution({kInt4, kLpbq}, false), convolution({kInt4, kBlock}, false)},
    {"conv.blocks_with_bias", convolution({kInt4, kBlock}, true),
     convolution({kInt4, kBlock}, false)},
    {"conv.blocks", convolution({kInt4, kBlock}, false, 3), convolution({kInt4, kBlock}, false, 1)},
    {"conv.blocks_1x1_integer", convolution({kInt4, kBlock}, false),
     convolution({kInt4, kBlock}, false, 3)},
    {"conv.blocks_1x1_float16", convolution({kInt4, kBlock}, false),
     convolution({kInt4, kBlock}, false, 3)},
    {"matmul.lpbq_one_output", with(kA16, {kInt4, kLpbq, kZeros, 32, kIn, 1}),
     with(kA16, {kInt4, kLpbq})},
    {"product.a16w8", with(kA16, {kInt8, kChannel}), with(kA16, {kInt16, kChannel})},
    {"product.a16w8_unsigned", with(kA16, {kUint8, kTensor, kOther}),
     with(kA16, {kUint8, kChannel})},
    {"product.a16w4", with(kA16, {kInt4, kChannel}), with(kA16, {kUint4, kChannel})},
    {"product.a8", with(kA8, {kInt8, kChannel}), with(kA8, {kInt8, kBlock})},
    {"matmul.a16_lpbq", with(kA16, {kInt4, kLpbq}), with(kA16, {kInt4, kLpbq, kZeros, 8})},
    {"product.a16_int4_blocks", with(kA16, {kInt4, kBlock}), with(kA16, {kInt4, kLpbq})},
    {"product.a16_int8_blocks", with(kA16, {kInt8, kBlock}), with(kA16, {kInt8, kChannel})},
    {"product.float_by_tensor_weight", with(kFloat32, {kInt8, kTensor}),
     with(kA16, {kInt8, kTensor})},
    {"product.float", by_float_weight(kFloat32),
     [](Builder& b, const std::string& op) {
       emit(b, op, {kDouble(b), filled(b, "w", DType::kDouble, {kIn, kOut})});
     }},
    {"matmul.a16_float_weight", by_float_weight(kA16), with(kA16, {kInt8, kChannel})},
    {"gemm.a16_float_weight", by_float_weight(kA16), by_float_weight(kFloat32)},
    {"matmul.a16_int16_weight", with(kA16, {kInt16, kTensor}), with(kA16, {kInt16, kChannel})},
    {"conv.a16w8", with(kA16, {kInt8, kChannel}), with(kA16, {kInt4, kChannel})},
    {"matmul.dynamic_uint16_uint16", two_computed(kUint16, kUint16), two_computed(kUint16, kInt16)},
    {"matmul.dynamic_uint16_int16_ports", two_computed(kUint16, kInt16), moved_then_multiplied()},
    {"matmul.dynamic_uint16_int16", moved_then_multiplied(), two_computed(kUint16, kInt16, 3)},
    {"matmul.dynamic_int16_int16", two_computed(kInt16, kInt16), two_computed(kUint16, kInt16)},
    {"matmul.dynamic_uint16_8_bits", two_computed(kUint16, kInt8), two_computed(kInt16, kInt8)},
    {"matmul.dynamic_uint8_uint8", two_computed(kUint8, kUint8), two_computed(kUint8, kInt16)},
    {"nbits.a16_4_bits_integer",
     with_attributes({{"bits", int64_t{4}}, {"block_size", int64_t{32}}}, true),
     with_attributes({{"bits", int64_t{4}}, {"block_size", int64_t{256}}}, true)},
    {"nbits.a16_4_bits_float16",
     with_attributes({{"bits", int64_t{4}}, {"block_size", int64_t{32}}}, true),
     with_attributes({{"bits", int64_t{8}}, {"block_size", int64_t{32}}}, true)},
    {"nbits.float_4_bits", with_attributes({{"bits", int64_t{4}}}),
     with_attributes({{"bits", int64_t{3}}})},
    {"nbits.8_bits", with_attributes({{"bits", int64_t{8}}}),
     with_attributes({{"bits", int64_t{4}}})},
    {"nbits.2_bits", with_attributes({{"bits", int64_t{2}}}),
     with_attributes({{"bits", int64_t{3}}})},
};

const Case kFoldingCases[] = {
    {"clip.behind_elementwise", clipped("Mul", {1, 3, kIn}, 4), clipped("Mul", {1, 3, kIn}, 1)},
    {"clip.behind_elementwise", clipped("Add", {1, 3, kIn}, 1.01F), clipped("Max", {1, 3, kIn}, 4)},
    {"clip.behind_elementwise", clipped("Sub", {1, 3, kIn}, 4),
     clipped("Sub", {1, 3, kIn}, 4, kInt16)},
    {"clip.behind_product", clipped("MatMul", {1, 3, kIn}, 4), clipped("MatMul", {2, 3, kIn}, 4)},
    {"clip.behind_product", clipped("MatMul", {3, kIn}, 4), clipped("MatMul", {3, kIn}, 1)},
    {"clip.behind_convolution", clipped("Gemm", {3, kIn}, 4), clipped("Gemm", {3, kIn}, 1)},
    {"clip.behind_convolution", clipped("Conv", {1, kIn, 8, 8}, 4),
     clipped("Conv", {1, kIn, 8, 8}, 1)},
    {"value.requantized_sum", encoded_twice(1, 4), encoded_twice(4, 1)},
    {"value.requantized_sum", encoded_twice(1, 4), encoded_twice(1, 4, true)},
    {"activation.behind_product", activated("MatMul", {1, 8, kIn}), activated("Mul", {1, 8, kIn})},
    {"activation.behind_product", activated("Gemm", {8, kIn}), activated_product(1)},
    {"activation.behind_computed_product", activated_product(1), activated_product(4)},
    {"activation.behind_sum", activated("Add", {1, 12, kIn}), activated("Add", {1, 8, kIn})},
    {"activation.behind_sum", activated("Add", {1, kIn}), activated("Add", {1, 12, 15})},
    {"activation.behind_sum_of_planes", activated("Add", {2, 8, kIn}),
     activated("Add", {2, 1, 8, kIn})},
};

const Case kOperatorCases[] = {
    {"graph.symbolic_dim",
     [](Builder& b, const std::string&) {
       emit(b, "Tanh", {b.input("x", DType::kFloat, {int64_t{1}, "n"})});
     },
     kNothing},
    {"rms_norm.float_rank_4_small", unary({1, 216, 4, 16}), unary({1, 864, 16})},
    {"rms_norm.rank_5", unary_a16({1, 2, 3, 4, 64}), unary_a16({6, 4, 64})},
    {"rms_norm.float", unary({1, 864, 16}), unary({1, 216, 4, 16})},
    {"rms_norm.float_rank_4", unary({1, 216, 4, 64}), unary({1, 216, 4, 36})},
    {"rms_norm.a16", unary_a16({1, 216, 4, 16}), unary({1, 216, 4, 16})},
    {"layer_norm.a16_weight_at_zero_point_0", layer_norm(0, false), layer_norm(0x80, false)},
    {"layer_norm.a16_float_bias", layer_norm(0x80, true), layer_norm(0x80, false)},
    {"layer_norm", layer_norm(0x80, false), unary({1, 3}, DType::kDouble)},
    {"op.skip_simplified_layer_norm", unary({1, 3}), kNothing},
    {"op.fast_gelu", unary({1, 3}), kNothing},
    {"op.erf", unary({1, 3}), kNothing},
    {"op.softplus", unary({1, 3}), kNothing},
    {"op.sigmoid_port", quantized_result(true), quantized_result(false)},
    {"op.swish", unary({1, 3}), unary({1, 3}, DType::kDouble)},
    {"op.activation", unary({1, 3}), unary({1, 3}, DType::kDouble)},
    {"div.by_computed_float", divided_by({1, 3, 1}, 0, false), divided_by({}, 2)},
    {"div.by_large_constants", divided_by({1, 3, 1}, 20000), divided_by({}, 20000)},
    {"div.by_constant", divided_by({1, 3, 1}, 16000), divided_by({1, 3, 1}, 2, false)},
    {"div.a16", divided_by({1, 3, 1}, 20000, true, true), divided_by({}, 2)},
    {"op.reciprocal", unary({1, 3}), unary_a16({1, 3})},
    {"op.elementwise", unary_a16({1, 3}), unary({1, 3}, DType::kDouble)},
    {"op.elementwise_more", unary({1, 3}), unary({1, 3}, DType::kDouble)},
    {"op.reduction", unary({1, 3}, DType::kFloat16), unary({1, 3}, DType::kInt64)},
    {"op.float_only", unary({1, 3}), unary_a16({1, 3})},
    {"gather.int64_table", gathered(DType::kInt64), gathered(DType::kInt32)},
    {"gather.table_of_row_scales", gathered_from({kInt8, kChannel}),
     gathered_from({kInt8, kTensor})},
    {"gather", gathered_from({kUint8, kTensor, kOther}), gathered(DType::kDouble)},
    {"pad.integers", unary({1, 3}, DType::kInt32), unary({1, 3})},
    {"op.movement", unary({1, 3}, DType::kInt8), unary({1, 3}, DType::kDouble)},
    {"op.comparison", unary({1, 3}, DType::kInt32), unary({1, 3}, DType::kDouble)},
    {"op.cast", unary({1, 3}, DType::kInt64), unary({1, 3}, DType::kDouble)},
    {"op.where",
     [](Builder& b, const std::string& op) {
       emit(b, op, {plain(b, {1, 3}, DType::kBool, "mask"), a16(b, {1, 3})});
     },
     [](Builder& b, const std::string& op) {
       emit(b, op, {plain(b, {1, 3}, DType::kBool, "mask"), plain(b, {1, 3}, DType::kDouble)});
     }},
    {"op.tensor_scatter", unary({1, 3}), kNothing},
    {"op.compress", unary({1, 3}), kNothing},
    {"attention", unary({1, 2, 3, 4}), unary_a16({1, 2, 3, 4})},
    {"attention.a16", unary_a16({1, 2, 3, 4}), unary({1, 2, 3, 4})},
    {"rotary", unary({1, 2, 3, 4}), unary({1, 2, 3, 4}, DType::kDouble)},
    {"rotary.a16", unary_a16({1, 2, 3, 4}), unary({1, 2, 3, 4})},
    {"rotary.microsoft", unary({1, 2, 3, 4}), kNothing},
    {"group_query_attention.softcap", with_attributes({{"softcap", 30.0F}}), with_attributes({})},
    {"group_query_attention.window", with_attributes({{"local_window_size", int64_t{512}}}),
     with_attributes({{"local_window_size", int64_t{-1}}})},
    {"group_query_attention.affinity", with_attributes({}), kNothing},
};

std::vector<Case> all_cases() {
  std::vector<Case> out(std::begin(kWeightCases), std::end(kWeightCases));
  out.insert(out.end(), std::begin(kProductCases), std::end(kProductCases));
  out.insert(out.end(), std::begin(kFoldingCases), std::end(kFoldingCases));
  out.insert(out.end(), std::begin(kOperatorCases), std::end(kOperatorCases));
  return out;
}

graph::Graph built(const Emit& emit_into, const std::string& op) {
  Builder b("case");
  emit_into(b, op);
  return std::move(b).finish();
}

// Those that can be told: many of these graphs hold operators that have no shapes.
Shapes shapes_of(const graph::Graph& graph) {
  const auto shapes = graph::infer_shapes(graph);
  return shapes.ok() ? shapes->shapes : Shapes();
}

bool matches(const Rule& rule, const graph::Graph& graph) {
  const GraphFacts facts(graph, shapes_of(graph));
  std::vector<graph::Node> nodes = graph.nodes;
  for (const graph::ValueInfo& input : graph.inputs) {
    nodes.push_back({"", kGraphPort, input.name, {input.name}, {}, {}});
  }
  for (const graph::Node& node : nodes) {
    const bool named =
        std::find(rule.ops.begin(), rule.ops.end(), node.qualified_op()) != rule.ops.end();
    if (named && holds(rule, node, facts) == Truth::kYes) return true;
  }
  return false;
}

std::set<std::string> bad_findings(const std::vector<Finding>& findings) {
  std::set<std::string> out;
  for (const Finding& finding : findings) {
    const bool bad = finding.verdict == Verdict::kRefused || finding.verdict == Verdict::kWrong;
    if (bad) out.insert(finding.rule);
  }
  return out;
}

const Rule* rule_named(const std::string& id, Arch* arch) {
  for (const Arch each : archs()) {
    *arch = each;
    const Record record = *record_of(each);
    for (const Rule* rule : record.rules) {
      if (rule->id == id) return rule;
    }
  }
  return nullptr;
}

// A rule whose conditions are off by one would let a wrong form through, or refuse a right one.
TEST(Rules, HitTheirFormAndMissItsNeighbour) {
  for (const Case& row : all_cases()) {
    Arch arch = Arch::kV73;
    const Rule* rule = rule_named(row.rule, &arch);
    ASSERT_NE(rule, nullptr) << row.rule;
    for (const std::string& op : rule->ops) {
      SCOPED_TRACE(rule->id + " " + op);
      const graph::Graph hit = built(row.hit, op), miss = built(row.miss, op);
      EXPECT_TRUE(matches(*rule, hit)) << print(hit);
      EXPECT_FALSE(matches(*rule, miss)) << print(miss);

      const auto findings = check(hit, *record_of(arch), shapes_of(hit));
      const auto reported = std::find_if(findings.begin(), findings.end(), [&](const Finding& f) {
        return f.rule == rule->id && f.verdict == rule->verdict;
      });
      if (rule->verdict == Verdict::kNative) {
        EXPECT_EQ(bad_findings(findings), std::set<std::string>());
        EXPECT_EQ(reported, findings.end());
      } else {
        ASSERT_NE(reported, findings.end());
        EXPECT_FALSE(reported->node.empty());
        EXPECT_EQ(reported->reason, rule->reason);
      }
    }
  }
}

TEST(Rules, EachHasACase) {
  std::set<std::string> tried;
  for (const Case& row : all_cases()) tried.insert(row.rule);
  for (const Arch arch : archs()) {
    const Record record = *record_of(arch);
    for (const Rule* rule : record.rules) EXPECT_TRUE(tried.contains(rule->id)) << rule->id;
  }
}

}  // namespace
}  // namespace lapidary::target
