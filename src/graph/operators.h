// What this program knows of each operator: one row says the dtypes and shapes of its outputs, and
// how static quantization treats it. A new operator is a new row.
//
//   const Operator* row = find_operator("", "Transpose");
//   const bool moves = row->quantization == Quantization::kMovesFirst;  // true
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/shape_rules.h"

namespace lapidary::graph {

// The dtype of output k of a node, given those of its inputs (kUndefined where one is omitted).
using DTypeRule = DType (*)(const Node& node, const std::vector<DType>& inputs, size_t output);

// Which float inputs are data (others say where, how far, along which axis), and which values have
// one encoding.
enum class Quantization {
  kNone,        // is left in float
  kAllInputs,   // all inputs are data; each value has an encoding of its own
  kFirstInput,  // the same, but only input 0 is data
  kMovesAll,    // all inputs are data, the output holds nothing else: one encoding for all of them
  kMovesFirst,  // the same, but only input 0 is data
};

struct Operator {
  std::string_view domain;  // "" is the ONNX standard domain
  std::string_view op_type;
  DTypeRule dtype;
  ShapeRule shape;  // shape.shapes is nullptr where no rule is known
  Quantization quantization;
};

// nullptr: an operator without a row.
const Operator* find_operator(std::string_view domain, std::string_view op_type);
const Operator* find_operator(const Node& node);
// All rows, sorted by domain and name.
std::span<const Operator> operators();

}  // namespace lapidary::graph
