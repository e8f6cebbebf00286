// The traits of each Hexagon arch, and the same in words. All that was measured so far is alike on
// the four archs; one that differs gets a constant of its own and names it in kArchs.
#include <fmt/core.h>

#include <array>

#include "target/tables.h"

namespace lapidary::target {
namespace {

QuantizationTraits htp() {
  return {.target = "the HTP",
          // Attention itself stays float; its caches are those of graphs with products.
          .signed_operands = {{"MatMul", 1},
                              {"LayerNormalization", 1},
                              {"Attention", 1},
                              {"Attention", 2}},
          .least_signed_bits = 16,
          .signed_at_zero = true,
          .one_integer_type = true,
          .clips_by_encoding = true,
          .lpbq = LpbqBlocks{.smallest = 16, .multiple = 32, .largest = 256},
          .weights = {.unsigned_codes = false,
                      .zero_points = false,
                      .transposed_blocks = false,
                      .negative_channel_scales = false},
          .largest_norm_rank = 3,
          .float16_mask = -1e4,
          .quantized_mask = -100,
          .evidence = {{"signed_operands", "matmul.dynamic_uint16_uint16"},
                       {"signed_operands", "layer_norm.a16_weight_at_zero_point_0"},
                       {"signed_operands", "attention.a16"},
                       {"least_signed_bits", "matmul.dynamic_uint8_uint8"},
                       {"signed_at_zero", "matmul.dynamic_uint16_int16"},
                       {"one_integer_type", "one_integer_type"},
                       {"clips_by_encoding", "clip_by_encoding"},
                       {"lpbq.smallest", "weight.lpbq_small_blocks"},
                       {"lpbq.multiple", "weight.lpbq_uneven_blocks"},
                       // As far as the blocks that LPBQ is made of were measured.
                       {"lpbq.largest", "product.a16_int4_blocks"},
                       {"weights.unsigned_codes", "weight.unsigned_blocks"},
                       {"weights.unsigned_codes", "product.uint4_channel_weight"},
                       {"weights.zero_points", "weight.blocks_with_zero_points"},
                       {"weights.zero_points", "weight.channel_with_zero_points"},
                       {"weights.transposed_blocks", "weight.transposed_blocks"},
                       {"weights.negative_channel_scales", "weight.negative_scales"},
                       {"largest_norm_rank", "rms_norm.float_rank_4_small"},
                       {"largest_norm_rank", "rms_norm.rank_5"},
                       {"float16_mask", "mask_float16"},
                       {"quantized_mask", "mask_quantized"}}};
}

struct ArchTraits {
  Arch arch;
  QuantizationTraits (*traits)();
};
constexpr std::array kArchs = {ArchTraits{Arch::kV73, &htp}, ArchTraits{Arch::kV75, &htp},
                               ArchTraits{Arch::kV79, &htp}, ArchTraits{Arch::kV81, &htp}};

std::string whole(double value) { return std::to_string(static_cast<int64_t>(value)); }

// Of what passes choose by traits.
std::vector<Preference> chosen_forms(const QuantizationTraits& traits, const Limits& limits) {
  std::vector<Preference> out;
  if (traits.takes_signed("MatMul", 1)) {
    out.push_back({"attention_products", "the two products of attention, and pooling by a matrix",
                   "uint16 by int16 with zero point 0", "uint16 by uint16, float",
                   "relative error 1.7e-4; uint16 by uint16 is cut to 8 bits: 1.1e-2"});
  }
  if (traits.one_integer_type) {
    out.push_back(
        {"one_integer_type", "what an operator reads and makes, right sides of products aside",
         "one type: uint16, and int16 from it by DequantizeLinear and QuantizeLinear with one "
         "scale",
         "uint16 operands of an int16 result, or the other way round",
         "a Convert in integers, relative error 5e-5; otherwise computed in float, 3e-4, and "
         "products with constant weights are refused"});
  }
  if (traits.clips_by_encoding) {
    out.push_back({"clip_by_encoding", "Clip and Relu in graphs of 16-bit integers",
                   "an encoding of the input that ends at the limits",
                   "a Clip between two wider encodings",
                   "the Clip is left out without a word: MatMul, Clip, MatMul with symmetric int16 "
                   "behind the Clip, relative error 0.26"});
  }
  if (traits.largest_norm_rank) {
    const int64_t rank = *traits.largest_norm_rank;
    out.push_back({"norm_rank", "RMSNormalization", fmt::format("rank {}", rank),
                   fmt::format("rank {}", rank + 1),
                   "float norms of rank 4 with small last dims compute other numbers"});
  }
  out.push_back({"mask_float16", "additive masks of float graphs",
                 whole(traits.float16_mask) + " where masked",
                 "-1e9, -inf, anything below " + whole(limits.lowest_float16_mask),
                 "on v81 a mask input of -70000 yields rows of zeros, -1e9 lets the masked keys "
                 "share the weight"});
  out.push_back({"mask_quantized", "additive masks of uint16 graphs",
                 whole(traits.quantized_mask) + " where masked", "-1e4 and below",
                 "a wide range leaves the scores few of its 65536 steps"});
  if (traits.lpbq) {
    out.push_back({"block_weights", "int4 weights in blocks",
                   "explicit LPBQ: DequantizeLinear(uint8 1 to 16, scale per channel) as the "
                   "scale, zero points given, MatMul",
                   "float block scales, com.microsoft::MatMulNBits",
                   "integer kernel, relative error 8e-5, 4.30 bits a weight; the others go through "
                   "float16"});
  }
  return out;
}

}  // namespace

std::optional<QuantizationTraits> quantization_traits(Arch arch) {
  for (const ArchTraits& each : kArchs) {
    if (each.arch != arch) continue;
    QuantizationTraits out = each.traits();
    out.target += fmt::format(" ({})", name_of(arch));
    return out;
  }
  return std::nullopt;
}

std::vector<Preference> preferences(const QuantizationTraits& traits, const Limits& limits) {
  std::vector<Preference> out = chosen_forms(traits, limits);
  // Right on every target, so that passes and recipes have nothing to choose.
  out.push_back({"weight_zero_points", "int4 weights", "the zero-point input given, all zeros",
                 "omitted",
                 "omitted, int4 per channel or tensor computes other numbers and LPBQ is refused"});
  out.push_back({"ports", "graph inputs and outputs of quantized graphs", "uint16 ports",
                 "float ports with QuantizeLinear and DequantizeLinear at the edge",
                 "the conversions at the edge vanish"});
  return out;
}

}  // namespace lapidary::target
