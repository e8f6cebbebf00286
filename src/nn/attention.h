// Grouped-query attention with a key/value cache, as com.microsoft::GroupQueryAttention.
//
// Keys and values come rotated and normed. Position only matters relative to the end of the cache,
// so a cache whose oldest rows were dropped works like a whole one as long as `KvLength` counts
// what is left in it.
#pragma once

#include <string>

#include "graph/builder.h"

namespace lapidary::nn {

// How many rows of a cache are valid after the step.
struct KvLength {
  graph::Ref last_index;  // [batch] int32: valid rows - 1
  graph::Ref total;       // scalar int32: the same for the longest row of the batch, + 1
};

struct KvCache {
  graph::Ref key, value;  // [batch, kv_heads, length, head_dim]
};

struct AttentionShape {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t window = 0;  // positions seen, the query's own included; 0: all
  float scale = 1.0f;
};

struct Attended {
  graph::Ref output;  // [batch, queries, heads * head_dim]
  KvCache present;
};

// query: [batch, s, heads * head_dim]; key, value: [batch, s, kv_heads * head_dim]. Appends key and
// value to `past` and attends causally. With past and present bound to one buffer the append is in
// place.
Attended attend_and_append(graph::Builder& b, const graph::Ref& query, const graph::Ref& key,
                           const graph::Ref& value, const KvCache& past, const KvLength& length,
                           const AttentionShape& shape, const std::string& name);

// Only appends. (The operator cannot do so without a query: the keys, which are at hand, stand in.)
KvCache append(graph::Builder& b, const graph::Ref& key, const graph::Ref& value,
               const KvCache& past, const KvLength& length, const AttentionShape& shape,
               const std::string& name);

// Attends to a cache that another node has appended to: KV-shared layers, or queries for the last
// positions of a step only. `none` is an empty [batch, 0, kv_heads * head_dim].
graph::Ref attend(graph::Builder& b, const graph::Ref& query, const KvCache& cache,
                  const graph::Ref& none, const KvLength& length, const AttentionShape& shape,
                  const std::string& name);

}  // namespace lapidary::nn
