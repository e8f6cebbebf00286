// Nodes that end up inside the one before them: the rules "clip.*", "value.requantized_sum" and
// "activation.behind_*".
#include "probe/rule_probe_tables.h"

namespace lapidary::probe {
namespace {

using target::Verdict;
using Build = std::function<void(Form&)>;
using Make = std::function<Ref(Form&)>;

constexpr auto kUint16 = DType::kUint16;
constexpr auto kInt16 = DType::kInt16;

Make a16_pair(const std::string& op, const Dims& dims = {1, 8, 64}) {
  return [=](Form& f) {
    const Ref a = f.requantized(f.floats(dims), kUint16, 4);
    return f.op(op, {a, f.requantized(f.floats(dims), kUint16, 4)});
  };
}
Make channel_product(const std::string& op, const Dims& dims) {
  return [=](Form& f) {
    const Ref x = f.requantized(f.floats(dims), kUint16, 4);
    return f.op(op, {x, f.weight({.rows = dims.back()})});
  };
}
// Of two computed operands, one matrix.
Ref a16_computed_product(Form& f) {
  const Ref left = f.requantized(f.floats({1, 8, 64}), kUint16, 4);
  return f.op("MatMul", {left, f.requantized(f.floats({1, 64, 24}), kInt16, 4)});
}
// Kernels of 1x1.
Ref a16_convolution(Form& f) {
  const Dims dims = {32, 16, 1, 1};
  std::vector<int64_t> codes;
  for (int64_t i = 0; i < tensor::element_count(dims); ++i) codes.push_back(i * 7919 % 255 - 127);
  const Ref w = f.op("DequantizeLinear",
                     {f.integer_constant(DType::kInt8, dims, codes),
                      f.constant({32}, std::vector<float>(32, 1e-2F)),
                      f.integer_constant(DType::kInt8, {32}, std::vector<int64_t>(32, 0))},
                     {{"axis", int64_t{0}}});
  return f.op("Conv", {f.requantized(f.floats({1, 16, 8, 12}), kUint16, 4), w});
}

// Clip to -1 and 1; its result's codes reach to `range`.
Build clipped(const Make& made, float range, DType code = kUint16, float before = 4) {
  return [=](Form& f) {
    const Ref x = f.requantized(made(f), kUint16, before);
    const Ref y = f.op("Clip", {x, f.constant({}, {-1.0F}), f.constant({}, {1.0F})});
    f.output(f.requantized(y, code, range));
  };
}

std::vector<RuleProbe> clip_probes() {
  const char* const elementwise = "clip.behind_elementwise";
  const char* const product = "clip.behind_product";
  const char* const convolution = "clip.behind_convolution";
  const Make sum = a16_pair("Add");
  const Make rows = channel_product("MatMul", {1, 8, 256});
  return {
      {elementwise, "Add, codes to 4", 0, clipped(sum, 4)},
      {elementwise, "Add, codes to 4, the input's to 1", 0, clipped(sum, 4, kUint16, 1)},
      {elementwise, "Add, codes to 1.01", 0, clipped(sum, 1.01F)},
      {elementwise, "Sub, codes to 4", 0, clipped(a16_pair("Sub"), 4)},
      {elementwise, "Mul, codes to 4", 0, clipped(a16_pair("Mul"), 4)},
      {elementwise, "Mul, [1, 8, 12, 24], codes to 4", 0,
       clipped(a16_pair("Mul", {1, 8, 12, 24}), 4)},
      {elementwise, "Add, Transpose, codes to 4", 0,
       [sum](Form& f) {
         const Ref x = f.requantized(sum(f), kUint16, 4);
         Ref turned = f.op("Transpose", {x}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
         clipped([&](Form&) { return turned; }, 4)(f);
       }},
      {elementwise, "Add, codes to 1", 2e-5, clipped(sum, 1), {}, Verdict::kNative},
      {elementwise, "Add, int16 codes to 4", 1e-4, clipped(sum, 4, kInt16), {}, Verdict::kLowered},
      {elementwise, "Max, codes to 4", 1e-5, clipped(a16_pair("Max"), 4), {}, Verdict::kNative},
      {product, "[1, 8, 256], codes to 4", 0, clipped(rows, 4)},
      {product, "[1, 1, 256], codes to 4", 0, clipped(channel_product("MatMul", {1, 1, 256}), 4)},
      {product, "[1, 8, 256], codes to 1", 8e-5, clipped(rows, 1), {}, Verdict::kNative},
      {product,
       "[4, 8, 256], codes to 4",
       8e-5,
       clipped(channel_product("MatMul", {4, 8, 256}), 4),
       {},
       Verdict::kNative},
      {product,
       "two computed, codes to 4",
       3e-4,
       clipped(a16_computed_product, 4, kUint16, 32),
       {},
       Verdict::kNative},
      {convolution, "Gemm, codes to 4", 0, clipped(channel_product("Gemm", {8, 256}), 4)},
      {convolution, "Conv, codes to 16", 0, clipped(a16_convolution, 16, kUint16, 16)},
      {convolution,
       "Gemm, codes to 1",
       8e-5,
       clipped(channel_product("Gemm", {8, 256}), 1),
       {},
       Verdict::kNative},
  };
}

// A sum in uint16 codes to `first`, then in codes to `second`.
Build encoded_twice(const Make& made, float first, DType code, float second) {
  return [=](Form& f) {
    f.output(f.requantized(f.requantized(made(f), kUint16, first), code, second));
  };
}

std::vector<RuleProbe> requantization_probes() {
  const char* const id = "value.requantized_sum";
  const Make sum = a16_pair("Add");
  return {
      {id, "to 1, then int16 to 4", 0, encoded_twice(sum, 1, kInt16, 4)},
      // ONNX Runtime takes a Clip out whose limits no code reaches.
      {id, "Clip, to 1, then int16 to 4", 0,
       [sum](Form& f) {
         Ref x = f.op("Clip", {sum(f), f.constant({}, {-1.01F}), f.constant({}, {1.01F})});
         encoded_twice([&](Form&) { return x; }, 1, kInt16, 4)(f);
       }},
      {id, "to 1, then int16 to 1", 2e-7, encoded_twice(sum, 1, kInt16, 1), {}, Verdict::kNative},
      {id, "to 1, then uint16 to 4", 1e-5, encoded_twice(sum, 1, kUint16, 4), {}, Verdict::kNative},
      {id,
       "Mul, to 1, then int16 to 4",
       5e-5,
       encoded_twice(a16_pair("Mul"), 1, kInt16, 4),
       {},
       Verdict::kNative},
      {id,
       "to 4, Clip, to 1, then int16 to 4",
       1e-5,
       [sum](Form& f) {
         const Ref x = f.requantized(sum(f), kUint16, 4);
         Ref y = f.op("Clip", {x, f.constant({}, {-1.0F}), f.constant({}, {1.0F})});
         encoded_twice([&](Form&) { return y; }, 1, kInt16, 4)(f);
       },
       {},
       Verdict::kNative},
  };
}

Make float_sum(const Dims& dims) {
  return [=](Form& f) {
    const Ref a = f.floats(dims, 0.3F);
    return f.op("Add", {a, f.floats(dims, 0.3F)});
  };
}
Make float_product(const std::string& op, const Dims& dims) {
  return [=](Form& f) {
    return f.op(op, {f.floats(dims, 0.3F), f.gaussian_constant({dims.back(), 48}, 0.1F)});
  };
}
Make computed_product(int64_t batch) {
  return [=](Form& f) {
    const Ref a = f.floats({batch, 8, 64}, 0.3F);
    return f.op("MatMul", {a, f.floats({batch, 64, 24}, 0.1F)});
  };
}
Ref float_convolution(Form& f) {
  return f.op("Conv", {f.floats({1, 16, 8, 8}, 0.3F), f.gaussian_constant({8, 16, 3, 3}, 0.1F)});
}
Build activated(const std::string& op, const Make& made) {
  return [=](Form& f) { f.output(f.op(op, {made(f)})); };
}

RuleProbe coarse(const char* id, const std::string& form, double error, Build build) {
  return {.id = id,
          .form = form,
          .error = error,
          .build = std::move(build),
          .wrong_above = 5e-2,
          .lowered_above = 3e-3,
          .opset = 24};
}
RuleProbe precise(const char* id, const std::string& form, double error, Build build) {
  RuleProbe probe = coarse(id, form, error, std::move(build));
  probe.expected = Verdict::kNative;
  return probe;
}

std::vector<RuleProbe> activation_probes() {
  const char* const product = "activation.behind_product";
  const char* const computed = "activation.behind_computed_product";
  const char* const sum = "activation.behind_sum";
  const char* const planes = "activation.behind_sum_of_planes";
  const Make rows = float_product("MatMul", {1, 8, 64});
  std::vector<RuleProbe> out = {
      coarse(product, "MatMul, Tanh", 1.5e-2, activated("Tanh", rows)),
      coarse(product, "MatMul, Sigmoid", 4e-3, activated("Sigmoid", rows)),
      coarse(product, "MatMul, Gelu", 4.2e-3, activated("Gelu", rows)),
      coarse(product, "MatMul, Swish", 5.7e-3, activated("Swish", rows)),
      coarse(product, "MatMul and a vector, Tanh", 6e-3,
             [rows](Form& f) {
               const Ref x = f.op("Add", {rows(f), f.gaussian_constant({48})});
               f.output(f.op("Tanh", {x}));
             }),
      coarse(product, "Gemm, Tanh", 1.5e-2, activated("Tanh", float_product("Gemm", {8, 64}))),
      coarse(product, "Conv, Tanh", 1e-2, activated("Tanh", float_convolution)),
      precise(product, "MatMul, Mul, Tanh", 4e-4,
              [rows](Form& f) {
                f.output(f.op("Tanh", {f.op("Mul", {rows(f), f.constant({}, {0.7F})})}));
              }),
      precise(product, "MatMul, Tanh, the product read by two", 4e-4,
              [rows](Form& f) {
                const Ref x = rows(f);
                f.output(f.op("Add", {x, f.op("Tanh", {x})}));
              }),
      coarse(computed, "one matrix", 1.5e-2, activated("Tanh", computed_product(1))),
      precise(computed, "a batch", 4e-4, activated("Tanh", computed_product(4))),
      precise(sum, "[1, 8, 64]", 3.3e-4, activated("Tanh", float_sum({1, 8, 64}))),
      precise(sum, "[1, 12, 15]", 3.3e-4, activated("Tanh", float_sum({1, 12, 15}))),
      precise(sum, "a vector added, [1, 12, 64]", 3.3e-4,
              [](Form& f) {
                const Ref x = f.floats({1, 12, 64}, 0.3F);
                f.output(f.op("Tanh", {f.op("Add", {x, f.gaussian_constant({64}, 0.3F)})}));
              }),
      precise(planes, "[1, 8, 12, 15]", 3.5e-4, activated("Tanh", float_sum({1, 8, 12, 15}))),
  };
  const struct {
    const char* op;
    double error;
  } rows_of_table[] = {{"Tanh", 9.3e-3}, {"Sigmoid", 4.5e-3}, {"Gelu", 5.9e-3}, {"Swish", 4.3e-3}};
  for (const auto& [op, error] : rows_of_table) {
    const std::string name = op;
    out.push_back(
        coarse(sum, name + ", [1, 12, 64]", error, activated(op, float_sum({1, 12, 64}))));
    out.push_back(
        coarse(planes, name + ", [1, 8, 12, 24]", error, activated(op, float_sum({1, 8, 12, 24}))));
  }
  return out;
}

// Nobody says a word of it: the encoding of a calibrated Tanh ends where its values did.
std::vector<RuleProbe> encoding_probes() {
  std::vector<RuleProbe> out;
  for (const char* op : {"Tanh", "Sigmoid"}) {
    out.push_back({.id = "op.activation",
                   .form = std::string(op) + ", uint16, codes to 0.6",
                   .build =
                       [op](Form& f) {
                         const Ref x = f.requantized(f.floats({1, 8, 64}), kUint16, 4);
                         f.output(f.requantized(f.op(op, {x}), kUint16, 0.6F));
                       },
                   .expected = Verdict::kWrong});
  }
  return out;
}

}  // namespace

std::vector<RuleProbe> folding_probes() {
  std::vector<RuleProbe> out = clip_probes();
  for (const auto& family : {requantization_probes(), activation_probes(), encoding_probes()}) {
    out.insert(out.end(), family.begin(), family.end());
  }
  return out;
}

}  // namespace lapidary::probe
