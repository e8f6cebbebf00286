#include "nn/grid_pooling.h"

#include "base/dtype.h"

namespace lapidary::nn {
namespace {

using graph::Ref;

Ref cast(graph::Builder& b, const Ref& x, DType dtype) {
  return b.op("Cast", {x}, "", {{"to", static_cast<int64_t>(dtype)}});
}

// [batch, patches] int64: the cell of each patch, -1 for padding.
Ref cell_of_patch(graph::Builder& b, const Ref& positions, const Ref& padding, int64_t kernel) {
  const Ref k = b.constant_scalar(kernel);
  const auto coordinate = [&](int64_t axis, const std::string& at) {
    return b.op("Gather", {positions, b.constant_scalar(axis)}, at, {{"axis", int64_t{2}}});
  };
  const Ref x = coordinate(0, "x");
  const Ref y = coordinate(1, "y");
  const Ref width = b.op("Add",
                         {b.op("ReduceMax", {x, b.constant({1})}, "width"),  // [batch, 1]
                          b.constant_scalar(int64_t{1})},
                         "width");
  const Ref row = b.op("Mul", {b.op("Div", {y, k}, "y"), b.op("Div", {width, k}, "width")}, "cell");
  const Ref cell = b.op("Add", {b.op("Div", {x, k}, "x"), row}, "cell");
  return b.op("Where", {padding, b.constant_scalar(int64_t{-1}), cell}, "cell");
}

}  // namespace

PooledGrid pool_grid(graph::Builder& b, const Ref& x, const Ref& positions, const Ref& padding,
                     int64_t kernel, float factor, const std::string& name) {
  const auto scope = b.enter(name);
  const Ref patch_cells =
      b.op("Unsqueeze", {cell_of_patch(b, positions, padding, kernel), b.constant({1})});
  const Ref patches =
      b.op("Squeeze", {b.op("Shape", {x}, "cells", {{"start", int64_t{1}}, {"end", int64_t{2}}})},
           "cells");
  const Ref count = b.op("Div", {patches, b.constant_scalar(kernel * kernel)}, "cells");
  const Ref range =
      b.op("Range", {b.constant_scalar(int64_t{0}), count, b.constant_scalar(int64_t{1})}, "cells");
  const Ref cells = b.op("Unsqueeze", {range, b.constant({1})}, "cells");  // [cells, 1]
  const Ref member = cast(b, b.op("Equal", {patch_cells, cells}), DType::kFloat);
  const Ref sums = b.op("MatMul", {member, x});
  const Ref any =
      b.op("ReduceMax", {member, b.constant({2})}, "is_real", {{"keepdims", int64_t{0}}});
  return {b.op("Mul", {sums, b.constant_scalar(factor / static_cast<float>(kernel * kernel))}),
          cast(b, any, DType::kBool)};
}

}  // namespace lapidary::nn
