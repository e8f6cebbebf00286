#include "nn/block_attention.h"

#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Ref;

Ref dim(Builder& b, const Ref& x, int64_t axis) {
  return b.op("Shape", {x}, "shape", {{"start", axis}, {"end", axis + 1}});
}

// [s]: 0, 1, 2, ...
Ref count_to(Builder& b, const Ref& begin, const Ref& end) {
  return b.op("Range",
              {b.op("Squeeze", {begin}, "rows"), b.op("Squeeze", {end}, "rows"),
               b.constant_scalar(int64_t{1})},
              "rows");
}

// [batch, s]: for each token the index of the last one it may see, its block's end or itself.
Ref reach(Builder& b, const Ref& in_block, const Ref& index) {
  // All tokens of a block have the same number of tokens outside blocks before them, and no two
  // blocks have: the number names the block.
  const Ref outside = b.op("Cast", {b.op("Not", {in_block}, "outside")}, "outside",
                           {{"to", static_cast<int64_t>(DType::kInt64)}});
  const Ref block = b.op("CumSum", {outside, b.constant_scalar(int64_t{1})}, "block");
  const Ref indices = b.op("Expand", {index, b.op("Shape", {in_block}, "shape")}, "index");
  // Names run from 0 to s.
  const Ref blocks =
      b.op("Pad", {b.op("Sub", {block, block}, "ends"), b.constant({0, 0, 0, 1})}, "ends");
  const Ref ends = b.op("ScatterElements", {blocks, block, indices}, "ends",
                        {{"axis", int64_t{1}}, {"reduction", std::string("max")}});
  const Ref end = b.op("GatherElements", {ends, block}, "end", {{"axis", int64_t{1}}});
  return b.op("Where", {in_block, end, indices}, "reach");
}

}  // namespace

BlockMask block_mask(Builder& b, const Ref& in_block, const Ref& past, const Ref& end,
                     int64_t window, const std::string& name) {
  const auto scope = b.enter(name);
  const Ref index = count_to(b, b.constant({0}), dim(b, in_block, 1));
  const Ref past_column = b.op("Unsqueeze", {past, b.constant({1})}, "past");
  const auto to_column = [&](const Ref& rows, const std::string& at) {
    return b.op("Unsqueeze", {b.op("Add", {rows, past_column}, at), b.constant({2})}, at);
  };
  const Ref last = to_column(reach(b, in_block, index), "last");  // [batch, s, 1]
  const Ref query = to_column(index, "query");

  // The oldest row that the step's first query sees.
  const Ref oldest =
      b.op("Sub", {b.op("ReduceMin", {past}, "begin"), b.constant({window - 1})}, "begin");
  const Ref begin = b.op("Max", {oldest, b.constant({0})}, "begin");
  const Ref rows = count_to(b, begin, end);
  const Ref in_window =
      b.op("Greater", {rows, b.op("Sub", {query, b.constant({window})}, "in_window")}, "in_window");
  const Ref visible =
      b.op("And", {in_window, b.op("LessOrEqual", {rows, last}, "last")}, "visible");
  return {begin, end, b.op("Unsqueeze", {visible, b.constant({1})}, "visible")};
}

Ref attend_in_blocks(Builder& b, const Ref& query, const KvCache& cache, const BlockMask& mask,
                     const AttentionShape& shape, const std::string& name) {
  const auto scope = b.enter(name);
  const auto rows = [&](const Ref& x, const std::string& at) {
    return b.op("Slice", {x, mask.begin, mask.end, b.constant({2})}, at);
  };
  const graph::Attributes swap = {{"perm", std::vector<int64_t>{0, 2, 1, 3}}};
  const Ref split =
      b.op("Reshape", {query, b.constant({0, 0, shape.heads, shape.head_dim})}, "query");
  const Ref attended = b.op("Attention",
                            {b.op("Transpose", {split}, "query", swap), rows(cache.key, "key"),
                             rows(cache.value, "value"), mask.visible},
                            "", {{"scale", shape.scale}});
  return b.op("Reshape",
              {b.op("Transpose", {attended}, "joined", swap),
               b.constant({0, 0, shape.heads * shape.head_dim})},
              "joined");
}

}  // namespace lapidary::nn
