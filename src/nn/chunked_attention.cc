#include "nn/chunked_attention.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "nn/linear.h"
#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Ref;
using tensor::DType;

class ChunkedAttention {
 public:
  ChunkedAttention(Builder& b, const ChunkedAttentionWeights& weights, const ChunkedFrames& frames,
                   const ChunkedAttentionShape& shape)
      : b_(b), w_(weights), frames_(frames), shape_(shape) {}

  Ref attend(const Ref& x, const Ref& positions) {
    const Ref q = queries(x);
    const Ref content = b_.op("MatMul", {q, keys(x)}, "content");
    const Ref logits = capped(b_.op("Add", {content, position_logits(q, positions)}, "logits"));
    const Ref masked =
        b_.op("Where", {frames_.visible, logits, b_.constant_scalar(shape_.invalid_logit)}, "mask");
    const Ref weights = b_.op("Softmax", {masked}, "", {{"axis", int64_t{-1}}});
    const Ref attended = b_.op("MatMul", {weights, values(x)}, "values");
    return clipped_linear(b_, joined(attended), "post", w_.post);
  }

 private:
  Ref transpose(const Ref& x, const std::string& at, std::vector<int64_t> perm) {
    return b_.op("Transpose", {x}, at, {{"perm", std::move(perm)}});
  }

  // [batch, heads, chunks, chunk, head_dim]
  Ref queries(const Ref& x) {
    const Ref q = clipped_linear(b_, x, "q_proj", w_.q_proj);
    const Ref padded = b_.op("Pad", {q, frames_.chunk_padding}, "queries");
    const Ref split = b_.op(
        "Reshape", {padded, b_.constant({0, -1, shape_.chunk, shape_.heads, shape_.head_dim})},
        "queries");
    return b_.op("Mul", {transpose(split, "queries", {0, 3, 1, 2, 4}), query_scale()}, "queries");
  }

  // softplus(per_dim_scale) / (ln 2 sqrt(head_dim)): 1 / sqrt(head_dim) where per_dim_scale is 0.
  Ref query_scale() {
    const Ref raw = b_.weight("per_dim_scale", tensor::cast(w_.per_dim_scale, DType::kFloat));
    const double unit = 1.0 / (std::numbers::ln2 * std::sqrt(static_cast<double>(shape_.head_dim)));
    return b_.op(
        "Mul",
        {b_.op("Softplus", {raw}, "per_dim_scale"), b_.constant_scalar(static_cast<float>(unit))},
        "per_dim_scale");
  }

  // The context of every chunk: [batch, chunks, context, hidden], zeros beyond both ends.
  Ref contexts(const Ref& x, const std::string& at) {
    const Ref padded = b_.op(
        "Pad", {x, b_.constant({0, shape_.past, 0, 0, shape_.future + shape_.chunk - 1, 0})}, at);
    return b_.op("Gather", {padded, frames_.context_indices}, at, {{"axis", int64_t{1}}});
  }

  // [batch, heads, chunks, head_dim, context]. A transpose of matrices and one of whole blocks: on
  // the CPU one transpose for both takes ten times as long.
  Ref keys(const Ref& x) {
    // softplus(1) / softplus(0)
    const auto scale = static_cast<float>(std::log(1.0 + std::numbers::e) / std::numbers::ln2);
    const Ref k = clipped_linear(b_, x, "k_proj", w_.k_proj);
    const Ref scaled = b_.op("Mul", {k, b_.constant_scalar(scale)}, "keys");
    const Ref columns = transpose(contexts(scaled, "keys"), "keys", {0, 1, 3, 2});
    const Ref split = b_.op(
        "Reshape", {columns, b_.constant({0, 0, shape_.heads, shape_.head_dim, shape_.context()})},
        "keys");
    return transpose(split, "keys", {0, 2, 1, 3, 4});
  }

  // [batch, heads, chunks, context, head_dim]
  Ref values(const Ref& x) {
    const Ref rows = contexts(clipped_linear(b_, x, "v_proj", w_.v_proj), "values");
    const Ref split = b_.op(
        "Reshape", {rows, b_.constant({0, 0, shape_.context(), shape_.heads, shape_.head_dim})},
        "values");
    return transpose(split, "values", {0, 3, 1, 2, 4});
  }

  // [batch, heads, chunks, chunk, context]: q times the projected position of each place.
  Ref position_logits(const Ref& q, const Ref& positions) {
    const Ref projected = linear(b_, positions, "relative_k_proj", w_.relative_k_proj);
    const Ref split = b_.op(
        "Reshape", {projected, b_.constant({-1, shape_.heads, shape_.head_dim})}, "positions");
    const Ref flat = b_.op("Reshape", {q, b_.constant({0, 0, -1, shape_.head_dim})}, "positions");
    return relative_shift(
        b_.op("MatMul", {flat, transpose(split, "positions", {1, 2, 0})}, "positions"));
  }

  // [batch, heads, chunks * chunk, positions] -> [batch, heads, chunks, chunk, context]. Row i
  // moves i places to the right: padded to context + 1 columns, but read in rows of `context`.
  Ref relative_shift(const Ref& x) {
    const auto scope = b_.enter("relative_shift");
    const int64_t context = shape_.context();
    const int64_t missing = context + 1 - shape_.positions();
    const Ref padded = b_.op("Pad", {x, b_.constant({0, 0, 0, 0, 0, 0, 0, missing})});
    const Ref flat =
        b_.op("Reshape", {padded, b_.constant({0, 0, -1, shape_.chunk * (context + 1)})});
    const Ref cut = b_.op(
        "Slice", {flat, b_.constant({0}), b_.constant({shape_.chunk * context}), b_.constant({3})});
    return b_.op("Reshape", {cut, b_.constant({0, shape_.heads, -1, shape_.chunk, context})});
  }

  Ref capped(const Ref& logits) {
    const auto scope = b_.enter("softcap");
    const Ref cap = b_.constant_scalar(shape_.logit_cap);
    return b_.op("Mul", {b_.op("Tanh", {b_.op("Div", {logits, cap})}), cap});
  }

  // Heads and chunks back to [batch, time, hidden].
  Ref joined(const Ref& attended) {
    const Ref rows = b_.op(
        "Reshape",
        {transpose(attended, "frames", {0, 2, 3, 1, 4}), b_.constant({0, -1, shape_.hidden()})},
        "frames");
    return b_.op("Slice", {rows, b_.constant({0}), frames_.time, b_.constant({1})}, "frames");
  }

  Builder& b_;
  const ChunkedAttentionWeights& w_;
  const ChunkedFrames& frames_;
  const ChunkedAttentionShape& shape_;
};

}  // namespace

Ref chunked_attention(Builder& b, const Ref& x, const std::string& name,
                      const ChunkedAttentionWeights& weights, const Ref& positions,
                      const ChunkedFrames& frames, const ChunkedAttentionShape& shape) {
  const auto scope = b.enter(name);
  return ChunkedAttention(b, weights, frames, shape).attend(x, positions);
}

}  // namespace lapidary::nn
