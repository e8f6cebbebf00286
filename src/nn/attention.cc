#include "nn/attention.h"

namespace lapidary::nn {
namespace {

graph::Attributes attributes_of(const AttentionShape& shape, int64_t heads) {
  graph::Attributes attributes = {
      {"num_heads", heads}, {"kv_num_heads", shape.kv_heads}, {"scale", shape.scale}};
  if (shape.window > 0) attributes["local_window_size"] = shape.window;
  return attributes;
}

}  // namespace

Attended attend_and_append(graph::Builder& b, const graph::Ref& query, const graph::Ref& key,
                           const graph::Ref& value, const KvCache& past, const KvLength& length,
                           const AttentionShape& shape, const std::string& name) {
  const auto out =
      b.multi_op(graph::kMicrosoftDomain, "GroupQueryAttention",
                 {query, key, value, past.key, past.value, length.last_index, length.total}, 3,
                 name, attributes_of(shape, shape.heads));
  return {out[0], {out[1], out[2]}};
}

KvCache append(graph::Builder& b, const graph::Ref& key, const graph::Ref& value,
               const KvCache& past, const KvLength& length, const AttentionShape& shape,
               const std::string& name) {
  const auto out =
      b.multi_op(graph::kMicrosoftDomain, "GroupQueryAttention",
                 {key, key, value, past.key, past.value, length.last_index, length.total}, 3, name,
                 attributes_of(shape, shape.kv_heads));
  return {out[1], out[2]};
}

graph::Ref attend(graph::Builder& b, const graph::Ref& query, const KvCache& cache,
                  const graph::Ref& none, const KvLength& length, const AttentionShape& shape,
                  const std::string& name) {
  return b.microsoft_op(
      "GroupQueryAttention",
      {query, none, none, cache.key, cache.value, length.last_index, length.total}, name,
      attributes_of(shape, shape.heads));
}

}  // namespace lapidary::nn
