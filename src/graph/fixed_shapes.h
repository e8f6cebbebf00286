// The shape of every value of a graph whose inputs have fixed shapes.
//
//   LAP_ASSIGN_OR_RETURN(const FixedShapes known, infer_shapes(graph, {{"sequence_len", 128}}));
//   const tensor::Shape& norm = known.shapes.at("model.norm/RMSNormalization");  // {1, 128, 1536}
//   const auto& length = known.integers.at("model.step.sequence/Shape");         // {128}
//
// Small integer tensors are followed by value, because shapes depend on them (Shape -> Concat ->
// Reshape). An optional input has no known value; take it out of Graph::inputs to fix it at its
// default.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace lapidary::graph {

using DimBindings = std::map<std::string, int64_t>;  // symbol -> size

struct FixedShapes {
  std::map<std::string, tensor::Shape> shapes;           // by value name, row-major
  std::map<std::string, std::vector<int64_t>> integers;  // of the integer tensors that are constant
};

// Integer tensors of more elements than this are not followed by value.
inline constexpr int64_t kMostIntegers = 4096;

// Errors: kBadInput for an input whose dim is neither a number nor bound, and for a node whose
// inputs do not fit each other; kUnsupported, naming the node, for an operator without a rule here
// and for a shape that depends on data of the run.
Result<FixedShapes> infer_shapes(const Graph& graph, const DimBindings& bindings = {});

// The same as far as it can be told: values without a known shape, and what depends on them, are
// left out.
FixedShapes known_shapes(const Graph& graph, const DimBindings& bindings = {});

}  // namespace lapidary::graph
