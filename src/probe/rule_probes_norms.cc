// Norms: the rules "rms_norm.*" and "layer_norm*".
#include "probe/rule_probe_tables.h"

namespace lapidary::probe {
namespace {

using Build = std::function<void(Form&)>;

Build rms_norm(const Dims& dims, const std::string& op = "RMSNormalization") {
  return [=](Form& f) {
    const Ref gamma = f.gaussian_constant({dims.back()}, 0.2F, 1);
    f.output(f.op(op, {f.floats(dims), gamma}, {{"axis", int64_t{-1}}, {"epsilon", 1e-6F}}));
  };
}
Build rms_norm_a16(const Dims& dims, const std::string& op = "RMSNormalization") {
  return [=](Form& f) {
    const Ref x = f.a16(dims);
    const Ref gamma = f.quantized_constant(DType::kUint16, {dims.back()}, 2, 32768, 0.2F, 1);
    f.quantized_output(f.op(op, {x, gamma}, {{"axis", int64_t{-1}}, {"epsilon", 1e-6F}}), 8);
  };
}

Build layer_norm_a16(DType gamma, int64_t zero_point, bool bias) {
  return [=](Form& f) {
    std::vector<Ref> inputs = {f.a16({1, 8, 64}),
                               f.quantized_constant(gamma, {64}, 2, zero_point, 0.2F, 1)};
    if (bias) inputs.push_back(f.gaussian_constant({64}, 0.1F));
    f.quantized_output(f.op("LayerNormalization", inputs, {{"axis", int64_t{-1}}}), 8);
  };
}

}  // namespace

std::vector<RuleProbe> norm_probes() {
  const std::string simplified = "SimplifiedLayerNormalization";
  return {
      {"rms_norm.float_rank_4_small", "[1, 216, 4, 16]", 0, rms_norm({1, 216, 4, 16})},
      {"rms_norm.float_rank_4_small", "[1, 11, 3, 32]", 0, rms_norm({1, 11, 3, 32})},
      {"rms_norm.rank_5", "[1, 2, 108, 4, 16], float32", 0, rms_norm({1, 2, 108, 4, 16})},
      {"rms_norm.rank_5", "[1, 2, 108, 4, 16], uint16", 0, rms_norm_a16({1, 2, 108, 4, 16})},
      {"rms_norm.float", "[1, 864, 16]", 4e-4, rms_norm({1, 864, 16})},
      {"rms_norm.float", "[1, 8, 1536]", 4e-4, rms_norm({1, 8, 1536})},
      {"rms_norm.float", "[64, 32]", 4e-4, rms_norm({64, 32})},
      {"rms_norm.float", "SimplifiedLayerNormalization", 4e-4, rms_norm({1, 864, 16}, simplified)},
      {"rms_norm.float_rank_4", "[1, 216, 4, 40]", 4e-4, rms_norm({1, 216, 4, 40})},
      {"rms_norm.float_rank_4", "[1, 64, 8, 256]", 4e-4, rms_norm({1, 64, 8, 256})},
      {"rms_norm.float_rank_4", "[1, 32, 8, 512]", 4e-4, rms_norm({1, 32, 8, 512})},
      {"rms_norm.a16", "[1, 8, 256]", 1e-4, rms_norm_a16({1, 8, 256})},
      {"rms_norm.a16", "[1, 216, 4, 16]", 1e-4, rms_norm_a16({1, 216, 4, 16})},
      {"rms_norm.a16", "SimplifiedLayerNormalization", 1e-4, rms_norm_a16({1, 8, 256}, simplified)},
      {"layer_norm.a16_weight_at_zero_point_0", "", 0, layer_norm_a16(DType::kUint16, 0, false)},
      {"layer_norm", "uint16, int16 weight", 3e-5, layer_norm_a16(DType::kInt16, 0, false)},
      {"layer_norm", "uint16, weight around 32768", 3e-5,
       layer_norm_a16(DType::kUint16, 32768, false)},
      {"layer_norm.a16_float_bias", "", 3.1e-4, layer_norm_a16(DType::kUint16, 0, true)},
      {"layer_norm", "float32", 3e-4,
       [](Form& f) {
         const Ref x = f.floats({1, 8, 64});
         f.output(f.op("LayerNormalization", {x, f.gaussian_constant({64}, 0.2F, 1)},
                       {{"axis", int64_t{-1}}}));
       }},
  };
}

}  // namespace lapidary::probe
