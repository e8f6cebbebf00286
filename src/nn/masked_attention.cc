#include "nn/masked_attention.h"

namespace lapidary::nn {

using graph::Builder;
using graph::Ref;

Ref masked_attention(Builder& b, const Ref& query, const Ref& key, const Ref& value,
                     const Ref& mask, int64_t rows, const AttentionShape& shape,
                     const std::string& name) {
  // The queries of a group of heads are more rows of one head.
  const bool grouped = shape.heads != shape.kv_heads;
  const int64_t joined = shape.heads / shape.kv_heads * rows;
  const auto reshaped = [&](const Ref& x, const tensor::Shape& to, const char* at) {
    return grouped ? b.op("Reshape", {x, b.constant(to)}, name + at) : x;
  };
  const Ref keys =
      b.op("Transpose", {key}, name + ".key", {{"perm", std::vector<int64_t>{0, 1, 3, 2}}});
  const Ref queries = reshaped(query, {1, shape.kv_heads, joined, shape.head_dim}, ".query");
  const Ref scores = b.op("MatMul", {queries, keys}, name + ".scores");
  const Ref masked = b.op("Add", {scores, mask}, name + ".mask");
  const Ref weights = b.op("Softmax", {masked}, name, {{"axis", int64_t{-1}}});
  const Ref output = b.op("MatMul", {weights, value}, name + ".output");
  return reshaped(output, {1, shape.heads, rows, shape.head_dim}, ".output");
}

}  // namespace lapidary::nn
