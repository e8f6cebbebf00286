// What a shape rule is: the shapes of a node's outputs from what is known of its inputs. Used by
// fixed_shapes.h; operators.cc says which operator has which rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace lapidary::graph {

using tensor::Shape;

// What is known of a node before its rule is asked.
struct KnownInputs {
  const Node& node;
  std::vector<const Shape*> shapes;                   // nullptr: omitted
  std::vector<const std::vector<int64_t>*> integers;  // nullptr: unknown

  bool has(size_t i) const { return i < shapes.size() && shapes[i] != nullptr; }
  const Shape& shape(size_t i) const { return *shapes[i]; }
  // The values of an integer input; an error when they are only known at run time.
  Result<std::vector<int64_t>> values(size_t i) const;
  // The same for an optional input: nothing when it is omitted.
  Result<std::optional<std::vector<int64_t>>> optional_values(size_t i) const;
  Error mismatch(const std::string& what) const;  // the inputs do not fit
  std::string where() const { return "node '" + node.name + "'"; }
};

struct ShapeRule {
  size_t required = 0;  // inputs that must be there
  // The shapes of all outputs that the operator may have, wanted or not.
  Result<std::vector<Shape>> (*shapes)(const KnownInputs&) = nullptr;
};

// The product of dims; nothing when it exceeds 2^62 or a dim lies outside [0, 2^40].
std::optional<int64_t> checked_elements(const Shape& shape);
// An axis in [-rank, rank) as one in [0, rank); nothing when it lies outside.
std::optional<size_t> checked_axis(int64_t axis, size_t rank);
// ONNX's Slice along one axis of `size` elements.
struct Cut {
  int64_t begin = 0;  // first element taken
  int64_t count = 0;
};
Cut cut_of(int64_t size, int64_t start, int64_t end, int64_t step);  // step != 0

}  // namespace lapidary::graph
