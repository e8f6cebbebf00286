#include "nn/bidirectional_attention.h"

namespace lapidary::nn {
namespace {

// exp of it is 0 beside any score of normed heads, and it is far from the end of float32.
constexpr float kMasked = -1e9F;

// [batch, n, kv_heads, width] -> [batch, n, heads * width], each head repeated for its group.
graph::Ref repeat_and_join(graph::Builder& b, const graph::Ref& x, const AttentionShape& shape,
                           int64_t width, const std::string& name) {
  graph::Ref repeated = x;
  if (shape.kv_heads != shape.heads) {
    const graph::Ref one = b.op("Unsqueeze", {x, b.constant({3})}, name);
    const int64_t group = shape.heads / shape.kv_heads;
    repeated = b.op("Expand", {one, b.constant({1, 1, 1, group, 1})}, name);
  }
  return b.op("Reshape", {repeated, b.constant({0, 0, shape.heads * width})}, name);
}

}  // namespace

KeyBias key_bias(graph::Builder& b, const graph::Ref& masked, int64_t kv_heads,
                 const std::string& name) {
  const graph::Ref bias =
      b.op("Where", {masked, b.constant_scalar(kMasked), b.constant_scalar(0.0F)}, name);
  const graph::Ref column = b.op("Unsqueeze", {bias, b.constant({2, 3})}, name);
  return {b.op("Expand", {column, b.constant({1, 1, kv_heads, 1})}, name)};
}

graph::Ref bidirectional_attention(graph::Builder& b, const graph::Ref& query,
                                   const graph::Ref& key, const graph::Ref& value,
                                   const KeyBias& bias, const AttentionShape& shape,
                                   const std::string& name) {
  const int64_t width = shape.head_dim + 1;
  const graph::Ref q = b.op(
      "Pad", {query, b.constant({0, 0, 0, 0, 0, 0, 0, 1}), b.constant_scalar(1.0F)}, name + ".q");
  const graph::Ref k = b.op("Concat", {key, bias.column}, name + ".k", {{"axis", int64_t{3}}});
  return b.microsoft_op("MultiHeadAttention",
                        {b.op("Reshape", {q, b.constant({0, 0, shape.heads * width})}, name + ".q"),
                         repeat_and_join(b, k, shape, width, name + ".k"),
                         repeat_and_join(b, value, shape, shape.head_dim, name + ".v")},
                        name, {{"num_heads", shape.heads}, {"scale", shape.scale}});
}

}  // namespace lapidary::nn
