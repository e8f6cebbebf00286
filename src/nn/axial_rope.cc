#include "nn/axial_rope.h"

namespace lapidary::nn {

RopeTable axial_rope_table(graph::Builder& b, const graph::Ref& positions, int64_t heads,
                           const std::string& name, const std::vector<float>& frequencies) {
  const graph::Ref flat = b.op("Reshape", {positions, b.constant({0, -1})}, name);
  const RopeTable table = rope_table(b, flat, name, frequencies);  // [batch, patches * 2, pairs]
  const auto pairs = static_cast<int64_t>(frequencies.size());
  const auto for_all_heads = [&](const graph::Ref& x) {
    const graph::Ref one = b.op("Reshape", {x, b.constant({0, -1, 1, 2, pairs})}, name);
    const graph::Ref all = b.op("Expand", {one, b.constant({1, 1, heads, 1, 1})}, name);
    return b.op("Reshape", {all, b.constant({0, -1, pairs})}, name);
  };
  return {for_all_heads(table.cos), for_all_heads(table.sin)};
}

graph::Ref apply_axial_rope(graph::Builder& b, const graph::Ref& x, const RopeTable& table,
                            int64_t heads, int64_t head_dim, const std::string& name) {
  const graph::Ref halves = b.op("Reshape", {x, b.constant({0, -1, head_dim / 2})}, name);
  const graph::Ref rotated = apply_rope(b, halves, table, 1, name);
  return b.op("Reshape", {rotated, b.constant({0, -1, heads, head_dim})}, name);
}

}  // namespace lapidary::nn
