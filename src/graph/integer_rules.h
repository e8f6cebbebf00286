// The values of integer tensors that shapes depend on. Used by fixed_shapes.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/shape_rules.h"

namespace lapidary::graph {

// The values of a node's first output, of shape `output`; nothing when they are not constant or the
// operator is not one that shapes are computed with.
std::optional<std::vector<int64_t>> integer_values(const KnownInputs& inputs, const Shape& output);

}  // namespace lapidary::graph
