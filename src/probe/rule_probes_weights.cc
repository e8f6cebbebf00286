// Dequantized weights: each is seen through the product that takes it.
#include "probe/rule_probe_tables.h"

namespace lapidary::probe {
namespace {

using target::Scheme;
using target::Verdict;

constexpr auto kOther = ZeroPoints::kOther;
constexpr auto kOmitted = ZeroPoints::kOmitted;

std::function<void(Form&)> transposed_blocks() {
  return [](Form& f) {
    const Ref w = f.weight({.code = DType::kInt4, .scheme = Scheme::kBlock, .transposed = true});
    const Ref turned = f.op("Transpose", {w}, {{"perm", std::vector<int64_t>{1, 0}}});
    f.quantized_output(f.op("MatMul", {f.a16({1, 8, 256}), turned}), 8);
  };
}

ProbeWeight lpbq(int64_t block, int64_t inputs = 256, int64_t outputs = 64) {
  return {.code = DType::kInt4,
          .scheme = Scheme::kBlockExpansion,
          .block = block,
          .rows = inputs,
          .cols = outputs};
}

ProbeWeight negative(DType code, Scheme scheme = Scheme::kChannel) {
  return {.code = code, .scheme = scheme, .negative = true};
}

// Codes in, moved, codes out.
std::function<void(Form&)> moved(DType code) {
  return [=](Form& f) {
    const Ref y =
        f.op("Transpose", {f.quantized(code, {4, 64})}, {{"perm", std::vector<int64_t>{1, 0}}});
    f.quantized_output(y, 4, code);
  };
}

std::function<void(Form&)> quantized_at_the_edge(DType code) {
  return [=](Form& f) {
    const Ref x = f.requantized(f.floats({4, 64}), code, 4);
    f.output(f.requantized(f.op("Relu", {x}), code, 4));
  };
}

}  // namespace

std::vector<RuleProbe> weight_probes() {
  return {
      {"weight.blocks_with_zero_points", "int4, block 32", 0,
       a16_product({DType::kInt4, Scheme::kBlock, kOther})},
      {"weight.blocks_with_zero_points", "int8, block 32", 0,
       a16_product({DType::kInt8, Scheme::kBlock, kOther})},
      {"weight.unsigned_blocks", "block 32, zero point 8", 0,
       a16_product({DType::kUint4, Scheme::kBlock})},
      {"weight.channel_with_zero_points", "int4", 0,
       a16_product({DType::kInt4, Scheme::kChannel, kOther})},
      {"weight.channel_with_zero_points", "int8", 0,
       a16_product({DType::kInt8, Scheme::kChannel, kOther})},
      {"weight.channel_with_zero_points", "uint8", 0,
       a16_product({DType::kUint8, Scheme::kChannel, kOther})},
      {"weight.channel_with_zero_points", "uint4", 0,
       a16_product({DType::kUint4, Scheme::kChannel, kOther})},
      {"weight.int4_zero_points_omitted", "per channel", 0,
       a16_product({DType::kInt4, Scheme::kChannel, kOmitted})},
      {"weight.int4_zero_points_omitted", "per tensor", 0,
       a16_product({DType::kInt4, Scheme::kTensor, kOmitted})},
      {"weight.negative_scales", "int4, every other channel", 0,
       a16_product(negative(DType::kInt4))},
      {"weight.negative_scales", "int8, every other channel", 0,
       a16_product(negative(DType::kInt8))},
      {"weight.negative_scales", "int8 per tensor", 0,
       a16_product(negative(DType::kInt8, Scheme::kTensor))},
      {"weight.lpbq_zero_points_omitted", "block 32", 0,
       a16_product({DType::kInt4, Scheme::kBlockExpansion, kOmitted})},
      {"weight.lpbq_small_blocks", "block 8", 0, a16_product(lpbq(8))},
      {"weight.lpbq_uneven_blocks", "block 24", 0, a16_product(lpbq(24, 240))},
      {"weight.lpbq_uneven_blocks", "block 48", 0, a16_product(lpbq(48, 96))},
      {"weight.lpbq_uneven_inputs", "48 inputs", 0, a16_product(lpbq(16, 48))},
      {"weight.lpbq_uneven_inputs", "48 inputs, 34 outputs", 0, a16_product(lpbq(16, 48, 34))},
      {"weight.lpbq_uneven_inputs", "240 inputs", 0, a16_product(lpbq(16, 240))},
      {.id = "weight.transposed_blocks",
       .form = "int4, block 32, axis 1",
       .build = transposed_blocks()},
      {"weight.dequantized", "int8 per channel, zero points omitted", 8e-5,
       a16_product({DType::kInt8, Scheme::kChannel, kOmitted})},
      {"weight.dequantized", "int4 per channel", 6e-4,
       a16_product({DType::kInt4, Scheme::kChannel})},
      {"weight.dequantized", "LPBQ, block 32", 8e-5,
       a16_product({DType::kInt4, Scheme::kBlockExpansion})},
      {"weight.dequantized", "LPBQ, block 16, 48 inputs, 32 outputs", 1.5e-4,
       a16_product(lpbq(16, 48, 32))},
      {"weight.dequantized", "LPBQ, block 16, 16 inputs", 3e-4, a16_product(lpbq(16, 16))},
      {"value.dequantized", "uint16", 0, moved(DType::kUint16)},
      {"value.dequantized", "int16", 0, moved(DType::kInt16)},
      {"value.dequantized", "uint8", 0, moved(DType::kUint8)},
      {"value.dequantized", "int8", 0, moved(DType::kInt8)},
      {"value.quantized", "uint16", 0, quantized_at_the_edge(DType::kUint16)},
      {"value.quantized", "uint8", 4e-3, quantized_at_the_edge(DType::kUint8)},
      {"value.quantized", "int8", 4e-3, quantized_at_the_edge(DType::kInt8)},
      {"value.quantized", "int16", 0, quantized_at_the_edge(DType::kInt16)},
  };
}

}  // namespace lapidary::probe
