// How rule probes write their small graphs: seeded inputs that carry their own values, quantized
// operands, quantized outputs.
//
//   Form f;
//   f.quantized_output(f.op("MatMul", {f.a16({1, 8, 64}), f.weight({.code = DType::kInt8})}), 4);
//   FormGraph made = std::move(f).finish();  // graph, its inputs' values, the outputs' zero point
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "graph/builder.h"
#include "ort/session.h"
#include "target/operand.h"

namespace lapidary::probe {

using graph::Attributes;
using graph::Ref;
using Dims = std::vector<int64_t>;

enum class ZeroPoints { kOmitted, kZeros, kOther };

// A weight [rows, cols] of gaussian values with sigma 0.1. Blocks lie along the rows' axis, scales
// per channel along the cols' one; transposed it is stored as [cols, rows].
struct ProbeWeight {
  DType code = DType::kInt8;
  target::Scheme scheme = target::Scheme::kChannel;
  ZeroPoints zero_points = ZeroPoints::kZeros;
  int64_t block = 32;
  bool transposed = false;
  int64_t rows = 256;
  int64_t cols = 64;
  bool negative = false;  // the scale, or that of every other channel; not of blocks
};

struct FormGraph {
  graph::Graph graph;
  std::vector<ort::HostTensor> inputs;  // as the graph declares them
  double zero_point = 0;                // of the outputs
};

class Form {
 public:
  explicit Form(int64_t opset = 23) : builder_("probe", opset) {}

  // --- Inputs ---
  Ref floats(const Dims& dims, float sigma = 1, float shift = 0);
  Ref float_values(const Dims& dims, const std::vector<float>& values);
  Ref integers(DType dtype, const Dims& dims, const std::vector<int64_t>& values);
  Ref bools(const Dims& dims);  // of both kinds
  // The first dim, which must be 1, is declared as a symbol.
  Ref symbolic_floats(const Dims& dims);
  // Codes of gaussian values, dequantized; `range` is the largest value that can be told.
  Ref quantized(DType code, const Dims& dims, float range = 4, float sigma = 1, float shift = 0);
  Ref a16(const Dims& dims, float range = 4, float sigma = 1, float shift = 0) {
    return quantized(DType::kUint16, dims, range, sigma, shift);
  }
  // The same of given values.
  Ref quantized_values(DType code, const Dims& dims, const std::vector<float>& values, float range);

  // --- Constants ---
  Ref constant(const Dims& dims, const std::vector<float>& values);
  Ref gaussian_constant(const Dims& dims, float sigma = 1, float shift = 0);
  Ref integer_constant(DType dtype, const Dims& dims, const std::vector<int64_t>& values);
  Ref shape(const std::vector<int64_t>& values) { return builder_.constant(values); }
  Ref weight(const ProbeWeight& form);
  // Any dims, one scale; `zero_point` is added to the codes.
  Ref quantized_constant(DType code, const Dims& dims, float range, int64_t zero_point = 0,
                         float sigma = 1, float shift = 0);

  // --- Nodes ---
  Ref op(const std::string& op, const std::vector<Ref>& inputs, Attributes attributes = {});
  std::vector<Ref> multi_op(const std::string& op, const std::vector<Ref>& inputs, size_t outputs,
                            Attributes attributes = {}, const std::string& domain = "");
  Ref microsoft_op(const std::string& op, const std::vector<Ref>& inputs,
                   Attributes attributes = {});
  // QuantizeLinear to `code` and nothing after it, or DequantizeLinear again.
  Ref to_codes(const Ref& value, DType code, float range);
  Ref requantized(const Ref& value, DType code, float range);

  // --- Outputs; their dtypes and shapes are left to inference ---
  void output(const Ref& value, const std::string& name = "y");
  void quantized_output(const Ref& value, float range, DType code = DType::kUint16);

  FormGraph finish() &&;

 private:
  std::vector<float> gaussians(int64_t count, float sigma, float shift);
  std::string fresh(const std::string& stem) { return stem + std::to_string(names_++); }
  Ref blocks(const ProbeWeight& form, const std::vector<float>& values);
  Ref channels(const ProbeWeight& form, const std::vector<float>& values);
  Ref feed(DType dtype, const Dims& dims, std::vector<std::byte> bytes);

  graph::Builder builder_;
  std::vector<ort::HostTensor> inputs_;
  std::mt19937 random_{7};
  int names_ = 0;
  double zero_point_ = 0;
};

// In the middle of unsigned codes, 0 of signed ones.
int64_t middle_of(DType code);
// "int8" has 127: the largest distance from the middle that is used.
int64_t largest_of(DType code);

}  // namespace lapidary::probe
