// Limits and preferences: each form beside the one that it keeps within bounds, or is preferred to.
#include "probe/rule_probe_tables.h"

namespace lapidary::probe {
namespace {

using target::Scheme;
using target::Verdict;
using Build = std::function<void(Form&)>;

// Softmax(scores + mask), the mask an input: `masked` at two of three keys.
std::vector<float> mask_values(float masked) {
  std::vector<float> values;
  for (int64_t i = 0; i < 8 * 48; ++i) values.push_back(i % 48 < 16 ? 0 : masked);
  return values;
}
Build masked_float(float masked) {
  return [=](Form& f) {
    const Ref scores = f.floats({1, 4, 8, 48}, 2);
    const Ref sum = f.op("Add", {scores, f.float_values({1, 1, 8, 48}, mask_values(masked))});
    f.output(f.op("Softmax", {sum}, {{"axis", int64_t{-1}}}));
  };
}
Build masked_a16(float masked) {
  return [=](Form& f) {
    const Ref scores = f.a16({1, 4, 8, 48}, 16, 2);
    const Ref mask =
        f.quantized_values(DType::kUint16, {1, 1, 8, 48}, mask_values(masked), std::abs(masked));
    const Ref sum =
        f.requantized(f.op("Add", {scores, mask}), DType::kUint16, std::abs(masked) + 16);
    f.output(f.requantized(f.op("Softmax", {sum}, {{"axis", int64_t{-1}}}), DType::kUint16, 1));
  };
}

Build divided_by(float divisor) {
  return [=](Form& f) {
    const Dims dims = {1, 8, 64};
    const Ref x = f.floats(dims, 100);
    f.output(f.op("Div", {x, f.float_values(dims, std::vector<float>(512, divisor))}));
  };
}

Build lpbq(int64_t block, int64_t inputs = 256) {
  return a16_product(
      {.code = DType::kInt4, .scheme = Scheme::kBlockExpansion, .block = block, .rows = inputs});
}

Build norm(const Dims& dims) {
  return [=](Form& f) {
    const Ref gamma = f.gaussian_constant({dims.back()}, 0.2F, 1);
    f.output(f.op("RMSNormalization", {f.floats(dims), gamma}, {{"axis", int64_t{-1}}}));
  };
}

Build tanh_with_ports(bool codes) {
  return [=](Form& f) {
    if (codes) {
      f.quantized_output(f.op("Tanh", {f.a16({1, 8, 64})}), 1);
    } else {
      const Ref x = f.requantized(f.floats({1, 8, 64}), DType::kUint16, 4);
      f.output(f.requantized(f.op("Tanh", {x}), DType::kUint16, 1));
    }
  };
}

// A sum of uint16 values that is wanted as int16.
Build signed_sum(bool converted) {
  return [=](Form& f) {
    const Ref y = f.op("Add", {f.a16({1, 8, 64}), f.a16({1, 8, 64})});
    f.quantized_output(converted ? f.requantized(y, DType::kUint16, 8) : y, 8, DType::kInt16);
  };
}

RuleProbe expecting(const char* id, const char* form, Verdict verdict, double error, Build build) {
  return {.id = id, .form = form, .error = error, .build = std::move(build), .expected = verdict};
}

// v73 computes these right.
RuleProbe on_v81(RuleProbe probe) {
  probe.archs = {target::Arch::kV81};
  return probe;
}

RuleProbe against_float(RuleProbe probe, Build reference) {
  probe.reference = std::move(reference);
  return probe;
}

}  // namespace

std::vector<RuleProbe> limit_probes() {
  return {
      expecting("limit.smallest_block", "LPBQ of 16", Verdict::kNative, 8e-5, lpbq(16)),
      expecting("limit.smallest_block", "LPBQ of 8", Verdict::kWrong, 0, lpbq(8)),
      expecting("limit.block_multiple", "LPBQ of 96", Verdict::kNative, 8e-5, lpbq(96, 192)),
      expecting("limit.block_multiple", "LPBQ of 48", Verdict::kWrong, 0, lpbq(48, 192)),
      expecting("limit.lowest_float16_mask", "-65504", Verdict::kNative, 1e-3,
                masked_float(-65504)),
      on_v81(expecting("limit.lowest_float16_mask", "-140000", Verdict::kWrong, 0,
                       masked_float(-140000))),
      expecting("limit.float16_mask", "-1e4", Verdict::kNative, 1e-3, masked_float(-1e4F)),
      against_float(
          expecting("limit.quantized_mask", "-100", Verdict::kNative, 1e-3, masked_a16(-100)),
          masked_float(-100)),
      expecting("limit.largest_float16_divisor", "16384", Verdict::kNative, 6e-4,
                divided_by(16384)),
      expecting("limit.largest_float16_divisor", "16640", Verdict::kWrong, 0, divided_by(16640)),
  };
}

std::vector<RuleProbe> preference_probes() {
  return {
      expecting("attention_products", "preferred: uint16 by int16", Verdict::kNative, 1.7e-4,
                dynamic_product(DType::kUint16, DType::kInt16)),
      expecting("attention_products", "instead of: uint16 by uint16", Verdict::kWrong, 0,
                dynamic_product(DType::kUint16, DType::kUint16)),
      expecting("one_integer_type", "preferred: uint16, converted to int16", Verdict::kNative, 6e-5,
                signed_sum(true)),
      expecting("one_integer_type", "instead of: int16 straight", Verdict::kLowered, 3e-4,
                signed_sum(false)),
      expecting("one_integer_type", "instead of: int16 straight from a product with weights",
                Verdict::kRefused, 0,
                [](Form& f) {
                  const Ref y = f.op("MatMul", {f.a16({1, 8, 256}), f.weight({})});
                  f.quantized_output(y, 8, DType::kInt16);
                }),
      expecting("norm_rank", "preferred: [1, 864, 16]", Verdict::kNative, 4e-4, norm({1, 864, 16})),
      expecting("norm_rank", "instead of: [1, 216, 4, 16]", Verdict::kWrong, 0,
                norm({1, 216, 4, 16})),
      expecting("mask_float16", "preferred: -1e4", Verdict::kNative, 1e-3, masked_float(-1e4F)),
      on_v81(
          expecting("mask_float16", "instead of: -1e9", Verdict::kWrong, 0, masked_float(-1e9F))),
      against_float(
          expecting("mask_quantized", "preferred: -100", Verdict::kNative, 1e-3, masked_a16(-100)),
          masked_float(-100)),
      against_float(
          expecting("mask_quantized", "instead of: -1e4", Verdict::kWrong, 0, masked_a16(-1e4F)),
          masked_float(-1e4F)),
      expecting("block_weights", "preferred: explicit LPBQ", Verdict::kNative, 8e-5, lpbq(32)),
      expecting("block_weights", "instead of: float block scales", Verdict::kLowered, 4e-4,
                a16_product({DType::kInt4, Scheme::kBlock})),
      expecting("weight_zero_points", "preferred: given", Verdict::kNative, 6e-4,
                a16_product({DType::kInt4})),
      expecting("weight_zero_points", "instead of: omitted", Verdict::kWrong, 0,
                a16_product({DType::kInt4, Scheme::kChannel, ZeroPoints::kOmitted})),
      {.id = "ports",
       .form = "preferred: uint16",
       .error = 3e-5,
       .build = tanh_with_ports(true),
       .expected = Verdict::kNative,
       .becomes = "Tanh (ufixed16)"},
      {.id = "ports",
       .form = "instead of: float32",
       .error = 5e-5,
       .build = tanh_with_ports(false),
       .expected = Verdict::kNative,
       .becomes = "Dequantize, Quantize, Tanh"},
  };
}

}  // namespace lapidary::probe
