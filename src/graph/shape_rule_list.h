// The shape rules that rows of operators.cc name, one function for each operator or family.
#pragma once

#include <utility>
#include <vector>

#include "graph/shape_rules.h"

namespace lapidary::graph::shape_rules {

using Shapes = Result<std::vector<Shape>>;
inline Shapes single(Shape shape) { return std::vector<Shape>{std::move(shape)}; }

// compute_shape_rules.cc: arithmetic.
Shapes same_as_first(const KnownInputs& in);
Shapes broadcast(const KnownInputs& in);  // of all inputs
Shapes mat_mul(const KnownInputs& in);
Shapes gemm(const KnownInputs& in);
Shapes mat_mul_nbits(const KnownInputs& in);
Shapes conv(const KnownInputs& in);
Shapes reduce(const KnownInputs& in);  // axes as the second input
Shapes attention(const KnownInputs& in);
Shapes multi_head_attention(const KnownInputs& in);
// Present caches hold past + new rows, as with buffers that are not shared.
Shapes group_query_attention(const KnownInputs& in);

// layout_shape_rules.cc: operators that move or choose elements.
Shapes concat(const KnownInputs& in);
Shapes constant_of_shape(const KnownInputs& in);
Shapes data_dependent(const KnownInputs& in);  // an error
Shapes expand(const KnownInputs& in);
Shapes gather(const KnownInputs& in);
Shapes gather_elements(const KnownInputs& in);
Shapes pad(const KnownInputs& in);
Shapes range(const KnownInputs& in);
Shapes reshape(const KnownInputs& in);
Shapes shape_of(const KnownInputs& in);
Shapes size_of(const KnownInputs& in);
Shapes slice(const KnownInputs& in);
Shapes split(const KnownInputs& in);
Shapes squeeze(const KnownInputs& in);
Shapes tile(const KnownInputs& in);
Shapes transpose(const KnownInputs& in);
Shapes unsqueeze(const KnownInputs& in);

}  // namespace lapidary::graph::shape_rules
