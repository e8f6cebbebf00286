// Activations, elementwise operators, divisions, reductions; what the stack does not take.
#include "probe/rule_probe_tables.h"

namespace lapidary::probe {
namespace {

using target::Arch;
using target::Verdict;
using Build = std::function<void(Form&)>;

struct Input {
  float sigma = 1;
  float shift = 0;
  float range = 4;   // of codes
  float result = 4;  // largest value of quantized results
};

Build unary(const std::string& op, const Attributes& attributes = {}, Input in = {}) {
  return [=](Form& f) {
    f.output(f.op(op, {f.floats({1, 8, 64}, in.sigma, in.shift)}, attributes));
  };
}
Build unary_a16(const std::string& op, const Attributes& attributes = {}, Input in = {}) {
  return [=](Form& f) {
    const Ref x = f.a16({1, 8, 64}, in.range, in.sigma, in.shift);
    f.quantized_output(f.op(op, {x}, attributes), in.result);
  };
}
Build binary(const std::string& op, Input second = {}) {
  return [=](Form& f) {
    const Ref a = f.floats({1, 8, 64});
    f.output(f.op(op, {a, f.floats({1, 8, 64}, second.sigma, second.shift)}));
  };
}
Build binary_a16(const std::string& op, Input second = {}) {
  return [=](Form& f) {
    const Ref a = f.a16({1, 8, 64});
    const Ref b = f.a16({1, 8, 64}, second.range, second.sigma, second.shift);
    f.quantized_output(f.op(op, {a, b}), second.result);
  };
}

// x / divisor, the divisor computed or constant, of one value or a whole vector.
Build divided(float divisor, bool constant, bool one_value) {
  return [=](Form& f) {
    const Dims dims = one_value ? Dims{1} : Dims{1, 8, 64};
    const std::vector<float> values(static_cast<size_t>(tensor::element_count(dims)), divisor);
    const Ref x = f.floats({1, 8, 64}, 100);
    f.output(f.op("Div", {x, constant ? f.constant(dims, values) : f.float_values(dims, values)}));
  };
}

std::vector<RuleProbe> refused_probes() {
  return {
      {"graph.symbolic_dim", "Tanh of [1, n]", 0,
       [](Form& f) {
         f.output(f.op("Tanh", {f.symbolic_floats({1, 64})}));
       }},
      {"op.skip_simplified_layer_norm", "", 0,
       [](Form& f) {
         const Ref x = f.floats({1, 8, 64});
         const Ref skip = f.floats({1, 8, 64});
         f.output(f.microsoft_op("SkipSimplifiedLayerNormalization",
                                 {x, skip, f.gaussian_constant({64}, 0.2F, 1)}));
       }},
      {"op.fast_gelu", "", 0,
       [](Form& f) {
         f.output(f.microsoft_op("FastGelu", {f.floats({1, 8, 64})}));
       }},
      {"op.erf", "float32", 0, unary("Erf")},
      {"op.erf", "uint16", 0, unary_a16("Erf")},
      {.id = "op.tensor_scatter",
       .form = "",
       .build =
           [](Form& f) {
             const Ref past = f.floats({1, 2, 16, 8});
             const Ref update = f.floats({1, 2, 1, 8});
             f.output(f.op("TensorScatter", {past, update, f.integers(DType::kInt64, {1}, {3})}));
           },
       .opset = 24},
      {"op.compress", "", 0,
       [](Form& f) {
         const Ref x = f.floats({8, 16});
         f.output(f.op("Compress", {x, f.bools({8})}, {{"axis", int64_t{0}}}));
       }},
  };
}

std::vector<RuleProbe> activation_probes() {
  std::vector<RuleProbe> out = {
      {.id = "op.softplus",
       .form = "float32",
       .error = 9e-3,
       .build = unary("Softplus"),
       .wrong_above = 3e-2,
       .lowered_above = 3e-3},
      {.id = "op.softplus",
       .form = "uint16",
       .error = 9e-3,
       .build = unary_a16("Softplus"),
       .wrong_above = 3e-2,
       .lowered_above = 3e-3},
  };
  out.push_back(
      {.id = "op.swish", .form = "float32", .error = 5.4e-4, .build = unary("Swish"), .opset = 24});
  out.push_back({.id = "op.swish",
                 .form = "uint16",
                 .error = 7e-5,
                 .build = unary_a16("Swish"),
                 .opset = 24});
  out.push_back({"op.activation", "Sigmoid, float32", 5e-4, unary("Sigmoid")});
  out.push_back({"op.activation", "Sigmoid, uint16", 1e-4, [](Form& f) {
                   const Ref y = f.op("Sigmoid", {f.a16({1, 8, 64})});
                   f.output(f.requantized(y, DType::kUint16, 1));
                 }});
  out.push_back({"op.sigmoid_port", "range -1 to 1", 0, unary_a16("Sigmoid", {}, {.result = 1})});
  const struct {
    const char* op;
    Attributes attributes;
    double error, error_a16;
  } rows[] = {{"Gelu", {{"approximate", std::string("tanh")}}, 5e-4, 6e-4},
              {"Gelu", {}, 5e-4, 2e-4},
              {"Relu", {}, 2e-4, 0},
              {"Softmax", {{"axis", int64_t{-1}}}, 1e-3, 1e-3},
              {"Tanh", {}, 3e-4, 1e-4}};
  for (const auto& row : rows) {
    const std::string name =
        std::string(row.op) + (row.attributes.contains("approximate") ? " by tanh" : "");
    Input in;
    if (name == "Softmax" || name == "Tanh") in.result = 1;
    out.push_back({.id = "op.activation",
                   .form = name + ", float32",
                   .error = row.error,
                   .build = unary(row.op, row.attributes)});
    out.push_back({.id = "op.activation",
                   .form = name + ", uint16",
                   .error = row.error_a16,
                   .build = unary_a16(row.op, row.attributes, in)});
  }
  return out;
}

// 20000 makes the results small: their error is relative.
std::vector<RuleProbe> division_probes() {
  return {
      {.id = "div.by_computed_float",
       .form = "by 16000",
       .error = 6e-4,
       .build = divided(16000, false, false),
       .expected = Verdict::kNative},
      {.id = "div.by_computed_float",
       .form = "by 20000",
       .build = divided(20000, false, false),
       .expected = Verdict::kWrong},
      {"div.by_large_constants", "by a tensor of 20000", 0, divided(20000, true, false)},
      {"div.by_constant", "by 20000", 3e-4, divided(20000, true, true)},
      {"div.by_constant", "by 60000", 1.4e-3, divided(60000, true, true)},
      {"div.by_constant", "by a tensor of 16000", 6e-4, divided(16000, true, false)},
      {"div.a16", "by 20000", 6e-5,
       [](Form& f) {
         const Ref x = f.a16({1, 8, 64}, 400, 100);
         f.quantized_output(
             f.op("Div", {x, f.quantized_constant(DType::kUint16, {}, 40000, 32768, 0, 20000)}),
             0.02F);
       }},
      {.id = "op.reciprocal",
       .form = "of 10",
       .error = 5e-4,
       .build = unary("Reciprocal", {}, {.sigma = 1, .shift = 10}),
       .expected = Verdict::kNative},
      {.id = "op.reciprocal",
       .form = "of 20000",
       .build = unary("Reciprocal", {}, {.sigma = 100, .shift = 20000}),
       .expected = Verdict::kWrong},
  };
}

struct ElementwiseRow {
  const char* op;
  int operands;
  Input in;  // of the second operand where there are two
  double error, error_a16;
};

void add_elementwise(const char* id, const std::vector<ElementwiseRow>& rows,
                     std::vector<RuleProbe>& out) {
  for (const ElementwiseRow& row : rows) {
    const std::string op = row.op;
    out.push_back({id, op + ", float32", row.error,
                   row.operands == 2 ? binary(op, row.in) : unary(op, {}, row.in)});
    out.push_back({id, op + ", uint16", row.error_a16,
                   row.operands == 2 ? binary_a16(op, row.in) : unary_a16(op, {}, row.in)});
  }
}

std::vector<RuleProbe> elementwise_probes() {
  const Input positive = {.sigma = 0.5F, .shift = 4, .range = 8, .result = 8};
  std::vector<RuleProbe> out;
  add_elementwise("op.elementwise",
                  {{"Abs", 1, {}, 2e-4, 1e-5},
                   {"Add", 2, {.result = 8}, 3e-4, 1e-4},
                   {"Ceil", 1, {}, 0, 1e-4},
                   {"Exp", 1, {.result = 64}, 5e-4, 5e-4},
                   {"Floor", 1, {}, 0, 1e-4},
                   {"Log", 1, positive, 3e-4, 1e-4},
                   {"Max", 2, {}, 2e-4, 1e-5},
                   {"Min", 2, {}, 2e-4, 1e-5},
                   {"Mul", 2, {.result = 16}, 3e-4, 0},
                   {"Neg", 1, {}, 2e-4, 1e-5},
                   {"Sign", 1, {}, 0, 0},
                   {"Sqrt", 1, positive, 3e-4, 4.6e-4},
                   {"Sub", 2, {.result = 8}, 3e-4, 1e-4}},
                  out);
  add_elementwise("op.elementwise_more",
                  {{"Cos", 1, {.result = 1}, 3e-4, 1e-4}, {"Sin", 1, {.result = 1}, 3e-4, 1e-4}},
                  out);
  // Away from the ties: float16 moves values.
  out.push_back({"op.elementwise", "Round, float32", 0, [](Form& f) {
                   std::vector<float> values(512);
                   for (size_t i = 0; i < values.size(); ++i) {
                     values[i] = static_cast<float>(i) / 64 - 4 + 0.004F;
                   }
                   f.output(f.op("Round", {f.float_values({1, 8, 64}, values)}));
                 }});
  out.push_back({"op.elementwise", "Round, uint16", 1e-4, unary_a16("Round")});
  const auto clip = [](bool quantized) -> Build {
    return [=](Form& f) {
      const Ref x = quantized ? f.a16({1, 8, 64}) : f.floats({1, 8, 64});
      const Ref y = f.op("Clip", {x, f.constant({}, {-1.0F}), f.constant({}, {1.5F})});
      if (quantized) {
        f.quantized_output(y, 2);
      } else {
        f.output(y);
      }
    };
  };
  out.push_back({"op.elementwise_more", "Clip, float32", 2e-4, clip(false)});
  out.push_back({"op.elementwise_more", "Clip, uint16", 0, clip(true)});
  out.push_back({"op.elementwise_more", "Pow 2, float32", 5e-4, [](Form& f) {
                   f.output(f.op("Pow", {f.floats({1, 8, 64}), f.constant({}, {2.0F})}));
                 }});
  return out;
}

std::vector<RuleProbe> reduction_probes() {
  std::vector<RuleProbe> out;
  for (const char* op : {"ReduceMax", "ReduceMean", "ReduceSum"}) {
    const auto reduce = [op](bool quantized) -> Build {
      return [=](Form& f) {
        const Ref x = quantized ? f.a16({1, 8, 64}, 4, 0.5F, 1) : f.floats({1, 8, 64}, 0.5F, 1);
        const Ref y = f.op(op, {x, f.shape({-1})}, {{"keepdims", int64_t{1}}});
        if (quantized) {
          f.quantized_output(y, std::string(op) == "ReduceSum" ? 128 : 4);
        } else {
          f.output(y);
        }
      };
    };
    out.push_back({"op.reduction", std::string(op) + ", float32", 3e-4, reduce(false)});
    out.push_back({"op.reduction", std::string(op) + ", uint16",
                   std::string(op) == "ReduceMax" ? 0 : 1e-4, reduce(true)});
  }
  out.push_back({"op.float_only", "ArgMax", 0,
                 unary("ArgMax", {{"axis", int64_t{-1}}, {"keepdims", int64_t{0}}})});
  out.push_back({"op.float_only", "CumSum", 3e-4, [](Form& f) {
                   f.output(f.op("CumSum", {f.floats({1, 8, 64}),
                                            f.integer_constant(DType::kInt32, {}, {1})}));
                 }});
  out.push_back({"op.float_only", "Einsum bhqd,bhkd->bhqk", 4e-4, [](Form& f) {
                   const Ref a = f.floats({1, 4, 8, 16});
                   f.output(f.op("Einsum", {a, f.floats({1, 4, 12, 16})},
                                 {{"equation", std::string("bhqd,bhkd->bhqk")}}));
                 }});
  return out;
}

}  // namespace

std::vector<RuleProbe> operator_probes() {
  std::vector<RuleProbe> out;
  for (const auto& family : {refused_probes(), norm_probes(), activation_probes(),
                             division_probes(), elementwise_probes(), reduction_probes()}) {
    out.insert(out.end(), family.begin(), family.end());
  }
  return out;
}

}  // namespace lapidary::probe
