// Which operators may compute in float16, by the type constraints of ONNX's schemas.
//
//   const Float16Support* support = float16_support(node, 17);
//   // QuantizeLinear: nullptr, it takes float16 from opset 19 on
//
// tools/check_operator_tables.py compares the rows with the schemas of the onnx package.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "graph/graph.h"

namespace lapidary::graph {

struct Float16Support {
  std::string_view domain;
  std::string_view op_type;
  int64_t since;                                     // opset of the domain
  std::optional<size_t> float_input = std::nullopt;  // stays float32 while the others are float16
};

// nullptr: in that opset of the standard operators the node takes no float16, as far as is known.
const Float16Support* float16_support(const Node& node, int64_t opset);
// All rows, sorted by domain and name. Each has a row in operators.h, whose dtype rule says which
// outputs follow.
std::span<const Float16Support> float16_supports();

}  // namespace lapidary::graph
