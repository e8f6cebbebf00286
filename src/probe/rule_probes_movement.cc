// What moves, compares, casts and chooses values.
#include "probe/rule_probe_tables.h"

namespace lapidary::probe {
namespace {

using target::Scheme;
using Build = std::function<void(Form&)>;
using Emit = std::function<Ref(Form&, const Ref& x)>;

// A movement of 64 float32 values and of the same in uint16; the latter is exact.
Build of_floats(const Emit& emit, const Dims& dims) {
  return [=](Form& f) { f.output(emit(f, f.floats(dims))); };
}
Build of_codes(const Emit& emit, const Dims& dims) {
  return [=](Form& f) { f.quantized_output(emit(f, f.a16(dims)), 4); };
}
Build of_int32(const Emit& emit, const Dims& dims) {
  return [=](Form& f) {
    std::vector<int64_t> values;
    for (int64_t i = 0; i < 64; ++i) values.push_back(i * 37 % 101);
    f.output(emit(f, f.integers(DType::kInt32, dims, values)));
  };
}

Emit unary(const char* op, const std::vector<int64_t>& second, const Attributes& attributes = {}) {
  return [=](Form& f, const Ref& x) { return f.op(op, {x, f.shape(second)}, attributes); };
}

Ref joined(Form& f, const Ref& x) { return f.op("Concat", {x, x}, {{"axis", int64_t{0}}}); }
Ref sliced(Form& f, const Ref& x) {
  return f.op("Slice", {x, f.shape({2}), f.shape({12}), f.shape({1}), f.shape({1})});
}
Build split(bool quantized) {
  return [=](Form& f) {
    const Ref x = quantized ? f.a16({4, 16}) : f.floats({4, 16});
    const auto parts = f.multi_op("Split", {x, f.shape({4, 12})}, 2, {{"axis", int64_t{1}}});
    f.output(quantized ? f.to_codes(parts[0], DType::kUint16, 4) : parts[0], "left");
    if (quantized) {
      f.quantized_output(parts[1], 4);
    } else {
      f.output(parts[1]);
    }
  };
}
Ref padded(Form& f, const Ref& x) { return f.op("Pad", {x, f.shape({0, 1, 0, 2})}); }
Ref turned(Form& f, const Ref& x) {
  return f.op("Transpose", {x}, {{"perm", std::vector<int64_t>{1, 0}}});
}
Ref gathered(Form& f, const Ref& x) {
  const Ref indices = f.integer_constant(DType::kInt32, {4, 2}, {0, 3, 15, 7, 2, 2, 9, 1});
  return f.op("GatherElements", {x, indices}, {{"axis", int64_t{1}}});
}

Build scattered_elements() {
  return [](Form& f) {
    const Ref x = f.floats({4, 16});
    const Ref indices = f.integer_constant(DType::kInt32, {1, 16},
                                           {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3});
    f.output(f.op("ScatterElements", {x, indices, f.floats({1, 16})}, {{"axis", int64_t{0}}}));
  };
}
Build scattered() {
  return [](Form& f) {
    const Ref x = f.floats({8, 16});
    const Ref rows = f.integer_constant(DType::kInt64, {2, 1}, {5, 2});
    f.output(f.op("ScatterND", {x, rows, f.floats({2, 16})}));
  };
}

// Rows of a table by computed indices.
Build rows_of(const std::function<Ref(Form&)>& table, bool quantized = false,
              DType code = DType::kUint16) {
  return [=](Form& f) {
    const Ref values = table(f);
    const Ref y = f.op("Gather", {values, f.integers(DType::kInt32, {1, 3}, {5, 0, 7})});
    if (quantized) {
      f.quantized_output(y, 4, code);
    } else {
      f.output(y);
    }
  };
}
std::function<Ref(Form&)> integer_table(DType dtype) {
  return [=](Form& f) {
    std::vector<int64_t> values;
    for (int64_t i = 0; i < 128; ++i) values.push_back(i * 37 % 101);
    return f.integer_constant(dtype, {8, 16}, values);
  };
}
std::function<Ref(Form&)> code_table(DType code) {
  return [=](Form& f) { return f.quantized_constant(code, {8, 16}, 4, middle_of(code)); };
}

std::vector<RuleProbe> gather_probes() {
  const ProbeWeight rows = {.transposed = true, .rows = 16, .cols = 8};
  return {
      {"gather.int64_table", "", 0, rows_of(integer_table(DType::kInt64))},
      {"gather.table_of_row_scales", "int8, a scale a row", 0,
       rows_of([rows](Form& f) { return f.weight(rows); })},
      {"gather", "float32", 2e-4, rows_of([](Form& f) {
         return f.gaussian_constant({8, 16});
       })},
      {"gather", "int32", 0, rows_of(integer_table(DType::kInt32))},
      {"gather", "uint16", 0, rows_of(code_table(DType::kUint16), true)},
      {"gather", "uint8", 0, rows_of(code_table(DType::kUint8), true, DType::kUint8)},
      {"gather", "int8", 0, rows_of(code_table(DType::kInt8), true, DType::kInt8)},
  };
}

Build compared(const char* op, DType dtype) {
  return [=](Form& f) {
    std::vector<int64_t> a;
    std::vector<int64_t> b;
    for (int64_t i = 0; i < 64; ++i) {
      a.push_back(i * 37 % 11);
      b.push_back(i * 53 % 7);
    }
    if (dtype == DType::kFloat) {
      const Ref left = f.float_values({4, 16}, {a.begin(), a.end()});
      f.output(f.op(op, {left, f.float_values({4, 16}, {b.begin(), b.end()})}));
    } else {
      const Ref left = f.integers(dtype, {4, 16}, a);
      f.output(f.op(op, {left, f.integers(dtype, {4, 16}, b)}));
    }
  };
}

Build cast(DType from, DType to) {
  return [=](Form& f) {
    std::vector<int64_t> values;
    for (int64_t i = 0; i < 64; ++i) values.push_back(i * 37 % 101);
    const Ref x = from == DType::kFloat ? f.float_values({4, 16}, {values.begin(), values.end()})
                                        : f.integers(from, {4, 16}, values);
    f.output(f.op("Cast", {x}, {{"to", static_cast<int64_t>(to)}}));
  };
}

std::vector<RuleProbe> choice_probes() {
  std::vector<RuleProbe> out;
  for (const char* op : {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}) {
    out.push_back({"op.comparison", std::string(op) + ", float32", 0, compared(op, DType::kFloat)});
    out.push_back({"op.comparison", std::string(op) + ", int32", 0, compared(op, DType::kInt32)});
  }
  const std::vector<RuleProbe> more = {
      {"op.comparison", "And", 0,
       [](Form& f) {
         const Ref a = f.bools({4, 16});
         f.output(f.op("And", {a, f.bools({4, 16})}));
       }},
      {"op.cast", "float32 to int32", 0, cast(DType::kFloat, DType::kInt32)},
      {"op.cast", "int32 to float32", 0, cast(DType::kInt32, DType::kFloat)},
      {"op.cast", "int64 to float32", 0, cast(DType::kInt64, DType::kFloat)},
      {"op.cast", "int64 to int32", 0, cast(DType::kInt64, DType::kInt32)},
      {"op.where", "float32", 2e-4,
       [](Form& f) {
         const Ref mask = f.bools({4, 16});
         const Ref x = f.floats({4, 16});
         f.output(f.op("Where", {mask, x, f.floats({4, 16})}));
       }},
      {"op.where", "uint16", 1e-5,
       [](Form& f) {
         const Ref mask = f.bools({4, 16});
         const Ref x = f.a16({4, 16});
         f.quantized_output(f.op("Where", {mask, x, f.a16({4, 16})}), 4);
       }},
      {"op.where", "-1e9 before Softmax", 1e-3,
       [](Form& f) {
         const Ref mask = f.bools({4, 16});
         const Ref x = f.floats({4, 16});
         const Ref masked = f.op("Where", {mask, x, f.constant({}, {-1e9F})});
         f.output(f.op("Softmax", {masked}, {{"axis", int64_t{-1}}}));
       }},
  };
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace

std::vector<RuleProbe> movement_probes() {
  const struct {
    const char* form;
    Emit emit;
    Dims dims = {4, 16};
  } rows[] = {{"Concat", joined},
              {"Expand", unary("Expand", {3, 4, 16})},
              {"GatherElements", gathered},
              {"Pad", padded},
              {"Reshape", unary("Reshape", {8, 8})},
              {"Slice", sliced},
              {"Squeeze", unary("Squeeze", {0}), {1, 4, 16}},
              {"Tile", unary("Tile", {2, 3})},
              {"Transpose", turned},
              {"Unsqueeze", unary("Unsqueeze", {1})}};
  std::vector<RuleProbe> out = gather_probes();
  for (const auto& row : rows) {
    const std::string form = row.form;
    const double moved = form == "Squeeze" ? 0 : 2e-4;
    out.push_back({"op.movement", form + ", float32", moved, of_floats(row.emit, row.dims)});
    out.push_back({"op.movement", form + ", uint16", 0, of_codes(row.emit, row.dims)});
    const bool pad = form == "Pad";
    out.push_back(
        {pad ? "pad.integers" : "op.movement", form + ", int32", 0, of_int32(row.emit, row.dims)});
  }
  out.push_back({"op.movement", "Split, float32", 2e-4, split(false)});
  out.push_back({"op.movement", "Split, uint16", 0, split(true)});
  out.push_back({"op.movement", "ScatterElements, float32", 2e-4, scattered_elements()});
  out.push_back({"op.movement", "ScatterND, float32", 2e-4, scattered()});
  const std::vector<RuleProbe> choices = choice_probes();
  out.insert(out.end(), choices.begin(), choices.end());
  return out;
}

}  // namespace lapidary::probe
