// What chunked attention multiplies with and what depends on weights alone: computed when the graph
// is saved, not each time it runs.
#pragma once

#include "nn/chunked_attention.h"

namespace lapidary::nn {

// [head_dim] float32: softplus(per_dim_scale) * factor.
tensor::Tensor query_scale(const tensor::Tensor& per_dim_scale, double factor);

// [heads, head_dim, positions] float32: the relative positions through relative_k_proj, head by
// head, times factor; the right side of a product with queries.
tensor::Tensor relative_keys(const tensor::Tensor& relative_k_proj,
                             const ChunkedAttentionShape& shape, double factor);

}  // namespace lapidary::nn
