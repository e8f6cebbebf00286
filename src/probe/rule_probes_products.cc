// Products with constant weights, products of two computed operands, convolutions, MatMulNBits.
#include "probe/rule_probe_tables.h"

namespace lapidary::probe {
namespace {

using target::Scheme;
using target::Verdict;

std::function<void(Form&)> float_product(const ProbeWeight& w, bool gemm = false) {
  return [=](Form& f) {
    const Ref x = f.floats(gemm ? Dims{8, w.rows} : Dims{1, 8, w.rows});
    f.output(f.op(gemm ? "Gemm" : "MatMul", {x, f.weight(w)}));
  };
}

std::function<void(Form&)> lpbq_gemm(bool bias, bool transposed,
                                     Scheme scheme = Scheme::kBlockExpansion) {
  return [=](Form& f) {
    std::vector<Ref> inputs = {
        f.a16({8, 256}),
        f.weight({.code = DType::kInt4, .scheme = scheme, .transposed = transposed})};
    if (bias) inputs.push_back(f.gaussian_constant({64}));
    f.quantized_output(f.op("Gemm", inputs, {{"transB", int64_t{transposed ? 1 : 0}}}), 8);
  };
}

std::function<void(Form&)> a8_product(DType code) {
  return [=](Form& f) {
    const Ref x = f.quantized(DType::kUint8, {1, 8, 256});
    f.quantized_output(f.op("MatMul", {x, f.weight({.code = code})}), 8, DType::kUint8);
  };
}

std::function<void(Form&)> plain_product(const std::string& op) {
  return [=](Form& f) {
    const Ref x = f.floats(op == "Gemm" ? Dims{8, 256} : Dims{1, 8, 256});
    f.output(f.op(op, {x, f.gaussian_constant({256, 64}, 0.1F)}));
  };
}

// An [outputs, inputs / group, kernel...] weight of int8 with a scale for each output.
Ref conv_weight(Form& f, Dims dims) {
  const int64_t outputs = dims[0];
  std::vector<int64_t> codes;
  std::vector<float> scales;
  for (int64_t i = 0; i < tensor::element_count(dims); ++i) codes.push_back(i * 7919 % 255 - 127);
  for (int64_t i = 0; i < outputs; ++i) scales.push_back(1e-3F * static_cast<float>(1 + i % 3));
  return f.op("DequantizeLinear",
              {f.integer_constant(DType::kInt8, dims, codes), f.constant({outputs}, scales),
               f.integer_constant(DType::kInt8, {outputs},
                                  std::vector<int64_t>(static_cast<size_t>(outputs), 0))},
              {{"axis", int64_t{0}}});
}

std::function<void(Form&)> conv(const Dims& x, const Dims& w, const Attributes& attributes = {}) {
  return [=](Form& f) {
    f.quantized_output(f.op("Conv", {f.a16(x), conv_weight(f, w)}, attributes), 16);
  };
}

// Codes [64, 64, size, size] of int4 in blocks of 32 along axis 1; LPBQ: 16 times a channel's
// scale.
Ref block_conv_weight(Form& f, Scheme scheme, int64_t size) {
  const Dims dims = {64, 64, size, size};
  const Dims scale_dims = {64, 2, size, size};
  std::vector<int64_t> codes;
  for (int64_t i = 0; i < tensor::element_count(dims); ++i) codes.push_back(i * 7919 % 15 - 7);
  const auto scales = static_cast<size_t>(tensor::element_count(scale_dims));
  std::vector<int64_t> steps;
  std::vector<float> floats;
  for (size_t i = 0; i < scales; ++i) {
    steps.push_back(static_cast<int64_t>(1 + i * 5 % 16));
    floats.push_back(1e-3F * static_cast<float>(steps.back()));
  }
  const Ref scale = scheme == Scheme::kBlock
                        ? f.constant(scale_dims, floats)
                        : f.op("DequantizeLinear",
                               {f.integer_constant(DType::kUint8, scale_dims, steps),
                                f.constant({64}, std::vector<float>(64, 1e-3F))},
                               {{"axis", int64_t{0}}});
  return f.op("DequantizeLinear",
              {f.integer_constant(DType::kInt4, dims, codes), scale,
               f.integer_constant(DType::kInt4, scale_dims, std::vector<int64_t>(scales, 0))},
              {{"axis", int64_t{1}}, {"block_size", int64_t{32}}});
}

std::function<void(Form&)> block_conv(Scheme scheme, int64_t size, bool bias) {
  return [=](Form& f) {
    std::vector<Ref> inputs = {f.a16({1, 64, 8, 8}), block_conv_weight(f, scheme, size)};
    if (bias) inputs.push_back(f.gaussian_constant({64}));
    f.quantized_output(f.op("Conv", inputs), 16);
  };
}

std::function<void(Form&)> a16_by_float_weight(const std::string& op, bool quantized) {
  return [=](Form& f) {
    const Ref x = f.a16(op == "Gemm" ? Dims{8, 256} : Dims{1, 8, 256});
    const Ref y = f.op(op, {x, f.gaussian_constant({256, 64}, 0.1F)});
    if (quantized) {
      f.quantized_output(y, 8);
    } else {
      f.output(y);
    }
  };
}

std::function<void(Form&)> a16_by_int16_weight(const Dims& x, const Dims& w) {
  return [=](Form& f) {
    const Ref weight = f.quantized_constant(DType::kInt16, w, 0.5F, 0, 0.1F);
    f.quantized_output(f.op("MatMul", {f.a16(x), weight}), 8);
  };
}

std::function<void(Form&)> float_conv() {
  return [](Form& f) {
    f.output(f.op("Conv", {f.floats({1, 16, 8, 8}), f.gaussian_constant({8, 16, 3, 3}, 0.1F)}));
  };
}

// Weight [64 outputs, 256 inputs] of `bits` bits, four outputs' scales alike.
std::function<void(Form&)> nbits(int64_t bits, int64_t block, bool a16, bool zero_points = false) {
  return [=](Form& f) {
    const int64_t blocks = 256 / block;
    const int64_t bytes = block * bits / 8;
    std::vector<int64_t> codes;
    std::vector<float> scales;
    for (int64_t i = 0; i < 64 * blocks * bytes; ++i) codes.push_back(i * 7919 % 251);
    for (int64_t i = 0; i < 64 * blocks; ++i) {
      scales.push_back((bits == 8 ? 1e-3F : 1e-2F) * static_cast<float>(1 + i % 4));
    }
    const Dims x = {1, 8, 256};
    std::vector<Ref> inputs = {a16 ? f.a16(x) : f.floats(x),
                               f.integer_constant(DType::kUint8, {64, blocks, bytes}, codes),
                               f.constant({64 * blocks}, scales)};
    if (zero_points) {
      const int64_t count = 64 * ((blocks * bits + 7) / 8);
      std::vector<int64_t> zeros;
      for (int64_t i = 0; i < count; ++i) zeros.push_back(0x79 + i % 2 * 0x12);
      inputs.push_back(f.integer_constant(DType::kUint8, {count}, zeros));
    }
    const Ref y = f.microsoft_op(
        "MatMulNBits", inputs,
        {{"K", int64_t{256}}, {"N", int64_t{64}}, {"bits", bits}, {"block_size", block}});
    if (a16) {
      f.quantized_output(y, 32);
    } else {
      f.output(y);
    }
  };
}

std::vector<RuleProbe> float_and_convolution_probes() {
  constexpr auto kGemm = true;
  return {
      {"product.float_by_tensor_weight", "MatMul", 5e-4,
       float_product({DType::kInt8, Scheme::kTensor})},
      {"product.float_by_tensor_weight", "Gemm", 5e-4,
       float_product({DType::kInt8, Scheme::kTensor}, kGemm)},
      {"product.float", "MatMul", 3.6e-4, plain_product("MatMul")},
      {"product.float", "Gemm", 3.6e-4, plain_product("Gemm")},
      {"product.float", "Conv 3x3", 3.6e-4, float_conv()},
      {"matmul.a16_float_weight", "float result", 3.5e-4, a16_by_float_weight("MatMul", false)},
      {"matmul.a16_float_weight", "uint16 result", 3.6e-4, a16_by_float_weight("MatMul", true)},
      {"gemm.a16_float_weight", "uint16 result", 0, a16_by_float_weight("Gemm", true)},
      {"gemm.a16_float_weight",
       "float result",
       3.6e-4,
       a16_by_float_weight("Gemm", false),
       {},
       Verdict::kLowered},
      {"matmul.a16_int16_weight", "one matrix", 8e-5, a16_by_int16_weight({1, 8, 256}, {256, 64})},
      {"matmul.a16_int16_weight", "one matrix a head, [8, 128, 13]", 1.2e-4,
       a16_by_int16_weight({8, 48, 128}, {8, 128, 13})},
      {"conv.a16w8", "1x1", 1e-4, conv({1, 16, 8, 8}, {8, 16, 1, 1})},
      {"conv.a16w8", "3x3", 1e-4, conv({1, 16, 8, 8}, {8, 16, 3, 3})},
      {"conv.a16w8", "patches of 16x16", 2.6e-5,
       conv({1, 3, 64, 64}, {8, 3, 16, 16}, {{"strides", std::vector<int64_t>{16, 16}}})},
      {"conv.a16w8", "depthwise over time, 5", 3.4e-4,
       conv({1, 16, 32}, {16, 1, 5}, {{"group", int64_t{16}}})},
  };
}

// Forms that are refused or computed wrong, and their neighbours.
std::vector<RuleProbe> unfit_weight_probes() {
  constexpr auto kGemm = true;
  return {
      {"product.float_by_channel_weight", "MatMul, int8", 0, float_product({})},
      {"product.float_by_channel_weight", "MatMul, int4", 0, float_product({DType::kInt4})},
      {"product.float_by_channel_weight", "Gemm, int8", 0, float_product({}, kGemm)},
      {"product.float_by_blocks", "MatMul, int4, block 32", 0,
       float_product({DType::kInt4, Scheme::kBlock})},
      {"product.float_by_blocks", "MatMul, LPBQ", 0,
       float_product({DType::kInt4, Scheme::kBlockExpansion})},
      {"product.uint8_channel_weight", "zero points 0", 0,
       a16_product({DType::kUint8, Scheme::kChannel})},
      {"product.uint4_channel_weight", "zero points 0", 0,
       a16_product({DType::kUint4, Scheme::kChannel})},
      {"gemm.lpbq_with_bias", "transB 0", 0, lpbq_gemm(true, false)},
      {"gemm.lpbq_with_bias", "transB 1", 0, lpbq_gemm(true, true)},
      {"gemm.lpbq_without_bias", "transB 0", 0, lpbq_gemm(false, false)},
      {"gemm.lpbq_without_bias", "transB 1", 0, lpbq_gemm(false, true)},
      {"gemm.blocks_with_bias", "int4, block 32, transB 0", 0,
       lpbq_gemm(true, false, Scheme::kBlock)},
      {"gemm.blocks_with_bias", "int4, block 32, transB 1", 0,
       lpbq_gemm(true, true, Scheme::kBlock)},
      {"conv.lpbq", "1x1", 0, block_conv(Scheme::kBlockExpansion, 1, false)},
      {"conv.lpbq", "1x1 with bias", 0, block_conv(Scheme::kBlockExpansion, 1, true)},
      {"conv.lpbq", "3x3", 0, block_conv(Scheme::kBlockExpansion, 3, false)},
      {"conv.blocks_with_bias", "1x1, block 32", 0, block_conv(Scheme::kBlock, 1, true)},
      {"conv.blocks", "3x3, block 32", 0, block_conv(Scheme::kBlock, 3, false)},
      {"conv.blocks_1x1_integer", "block 32", 2e-4, block_conv(Scheme::kBlock, 1, false)},
      {"conv.blocks_1x1_float16", "block 32", 4.3e-4, block_conv(Scheme::kBlock, 1, false)},
      {"matmul.lpbq_one_output", "block 32", 0,
       a16_product({.code = DType::kInt4, .scheme = Scheme::kBlockExpansion, .cols = 1})},
  };
}

std::vector<RuleProbe> fit_weight_probes() {
  constexpr auto kGemm = true;
  const ProbeWeight deep = {.rows = 12288, .cols = 16};
  return {
      {"product.a16w8", "MatMul, per channel", 8e-5, a16_product({})},
      {"product.a16w8", "MatMul, per tensor", 8e-5, a16_product({DType::kInt8, Scheme::kTensor})},
      {"product.a16w8", "Gemm, per channel", 8e-5, a16_product({}, kGemm)},
      {"product.a16w8", "Gemm, per tensor", 8e-5,
       a16_product({DType::kInt8, Scheme::kTensor}, kGemm)},
      {"product.a16w8", "MatMul, per channel, inner dim 12288", 2.5e-5,
       [deep](Form& f) {
         f.quantized_output(f.op("MatMul", {f.a16({1, 8, 12288}), f.weight(deep)}), 50);
       }},
      {"product.a16w8_unsigned", "MatMul", 8e-5,
       a16_product({DType::kUint8, Scheme::kTensor, ZeroPoints::kOther})},
      {"product.a16w8_unsigned", "Gemm", 8e-5,
       a16_product({DType::kUint8, Scheme::kTensor, ZeroPoints::kOther}, kGemm)},
      {"product.a16w4", "MatMul, per channel", 6e-4, a16_product({DType::kInt4})},
      {"product.a16w4", "MatMul, per tensor", 9e-4, a16_product({DType::kInt4, Scheme::kTensor})},
      {"product.a16w4", "Gemm, per channel", 6e-4, a16_product({DType::kInt4}, kGemm)},
      {"product.a8", "MatMul, int8", 1e-2, a8_product(DType::kInt8), {}, {}, 5e-2},
      {"product.a8", "MatMul, int4", 1e-2, a8_product(DType::kInt4), {}, {}, 5e-2},
      {"matmul.a16_lpbq", "block 16", 8e-5,
       a16_product({DType::kInt4, Scheme::kBlockExpansion, ZeroPoints::kZeros, 16})},
      {"matmul.a16_lpbq", "block 32", 8e-5, a16_product({DType::kInt4, Scheme::kBlockExpansion})},
      {"matmul.a16_lpbq", "block 64", 8e-5,
       a16_product({DType::kInt4, Scheme::kBlockExpansion, ZeroPoints::kZeros, 64})},
      {"product.a16_int4_blocks", "MatMul, block 8", 4e-4,
       a16_product({DType::kInt4, Scheme::kBlock, ZeroPoints::kZeros, 8})},
      {"product.a16_int4_blocks", "MatMul, block 32", 4e-4,
       a16_product({DType::kInt4, Scheme::kBlock})},
      {"product.a16_int4_blocks", "MatMul, block 256", 4e-4,
       a16_product({DType::kInt4, Scheme::kBlock, ZeroPoints::kZeros, 256})},
      {"product.a16_int4_blocks", "Gemm, block 32", 4e-4,
       a16_product({DType::kInt4, Scheme::kBlock}, kGemm)},
      {"product.a16_int8_blocks", "MatMul, block 32", 4e-4,
       a16_product({DType::kInt8, Scheme::kBlock})},
      {"product.a16_int8_blocks", "Gemm, block 32", 4e-4,
       a16_product({DType::kInt8, Scheme::kBlock}, kGemm)},
  };
}

}  // namespace

std::vector<RuleProbe> product_probes() {
  std::vector<RuleProbe> out = unfit_weight_probes();
  for (const auto& others : {fit_weight_probes(), float_and_convolution_probes()}) {
    out.insert(out.end(), others.begin(), others.end());
  }
  const std::vector<RuleProbe> more = {
      {"matmul.dynamic_uint16_uint16", "", 0, dynamic_product(DType::kUint16, DType::kUint16)},
      {"matmul.dynamic_uint16_int16_ports", "", 0,
       [](Form& f) {
         const Ref left = f.a16({1, 4, 16, 64});
         f.quantized_output(f.op("MatMul", {left, f.quantized(DType::kInt16, {1, 4, 64, 24})}), 32);
       }},
      {"matmul.dynamic_uint16_int16", "through a Transpose", 1.2e-4,
       [](Form& f) {
         const Ref left = f.a16({1, 4, 16, 64});
         const Ref turned = f.op("Transpose", {f.quantized(DType::kInt16, {1, 4, 24, 64})},
                                 {{"perm", std::vector<int64_t>{0, 1, 3, 2}}});
         f.quantized_output(f.op("MatMul", {left, f.requantized(turned, DType::kInt16, 4)}), 32);
       }},
      {"matmul.dynamic_uint16_int16", "", 1.7e-4, dynamic_product(DType::kUint16, DType::kInt16)},
      {"matmul.dynamic_int16_int16", "", 3.8e-4, dynamic_product(DType::kInt16, DType::kInt16)},
      {"matmul.dynamic_uint16_8_bits",
       "int8",
       3.4e-3,
       dynamic_product(DType::kUint16, DType::kInt8),
       {},
       {},
       5e-2},
      {"matmul.dynamic_uint16_8_bits",
       "uint8",
       3.4e-3,
       dynamic_product(DType::kUint16, DType::kUint8),
       {},
       {},
       5e-2},
      {"matmul.dynamic_uint8_uint8",
       "",
       1.6e-2,
       dynamic_product(DType::kUint8, DType::kUint8, DType::kUint8),
       {},
       {},
       5e-2},
      {"nbits.a16_4_bits_integer", "block 32", 7e-5, nbits(4, 32, true)},
      {"nbits.a16_4_bits_integer", "block 128", 7e-5, nbits(4, 128, true)},
      {"nbits.a16_4_bits_float16", "block 32", 4e-4, nbits(4, 32, true)},
      {"nbits.float_4_bits", "block 32", 4e-4, nbits(4, 32, false)},
      {"nbits.float_4_bits", "block 32, zero points", 4e-4, nbits(4, 32, false, true)},
      {"nbits.8_bits", "float32, block 32", 4e-4, nbits(8, 32, false)},
      {"nbits.2_bits", "float32, block 32", 4e-4, nbits(2, 32, false)},
  };
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace lapidary::probe
