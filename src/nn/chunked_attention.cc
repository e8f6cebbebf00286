#include "nn/chunked_attention.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "nn/attention_constants.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Ref;

// What the reference multiplies keys with: softplus(1) / softplus(0).
double key_scale() { return std::log(1.0 + std::numbers::e) / std::numbers::ln2; }

// The reference scales queries and keys. Here both factors are in what the queries are multiplied
// with, and the relative keys, constants, are divided by the keys' scale.
class ChunkedAttention {
 public:
  ChunkedAttention(Builder& b, const ChunkedAttentionWeights& weights, const FrameChunks& chunks,
                   const ChunkedAttentionShape& shape)
      : b_(b), w_(weights), chunks_(chunks), shape_(shape) {}

  Ref attend(const Ref& x) {
    const Ref q = queries(x);
    const Ref content = b_.op("MatMul", {q, keys(x)}, "content");
    const Ref logits = capped(b_.op("Add", {content, position_logits(q)}, "logits"));
    const Ref weights = b_.op("Softmax", {chunks_.masked(b_, logits)}, "", {{"axis", int64_t{-1}}});
    const Ref attended = b_.op("MatMul", {weights, values(x)}, "values");
    return clipped_linear(b_, joined(attended), "post", w_.post);
  }

 private:
  Ref transpose(const Ref& x, const std::string& at, std::vector<int64_t> perm) {
    return b_.op("Transpose", {x}, at, {{"perm", std::move(perm)}});
  }
  Ref reshape(const Ref& x, const std::string& at, const std::vector<int64_t>& dims) {
    return b_.op("Reshape", {x, b_.constant(dims)}, at);
  }

  // [heads, blocks, chunk, head_dim]
  Ref queries(const Ref& x) {
    const Ref q = chunks_.chunks(b_, clipped_linear(b_, x, "q_proj", w_.q_proj), "queries");
    const Ref split = reshape(q, "queries", {-1, shape_.chunk, shape_.heads, shape_.head_dim});
    return b_.op("Mul", {transpose(split, "queries", {2, 0, 1, 3}), scale_of_queries()}, "queries");
  }

  // 1 / sqrt(head_dim) where per_dim_scale is 0, times the keys' scale.
  Ref scale_of_queries() {
    const double unit = 1.0 / (std::numbers::ln2 * std::sqrt(static_cast<double>(shape_.head_dim)));
    return b_.weight("query_scale", query_scale(w_.per_dim_scale, unit * key_scale()));
  }

  // [heads, blocks, head_dim, context]. A transpose of matrices and one of whole blocks: on the CPU
  // one transpose for both takes ten times as long.
  Ref keys(const Ref& x) {
    const Ref rows = chunks_.contexts(b_, clipped_linear(b_, x, "k_proj", w_.k_proj), "keys");
    const Ref columns = transpose(rows, "keys", {0, 2, 1});
    const Ref split =
        reshape(columns, "keys", {-1, shape_.heads, shape_.head_dim, shape_.context()});
    return transpose(split, "keys", {1, 0, 2, 3});
  }

  // [heads, blocks, context, head_dim]
  Ref values(const Ref& x) {
    const Ref rows = chunks_.contexts(b_, clipped_linear(b_, x, "v_proj", w_.v_proj), "values");
    const Ref split =
        reshape(rows, "values", {-1, shape_.context(), shape_.heads, shape_.head_dim});
    return transpose(split, "values", {2, 0, 1, 3});
  }

  // [heads, blocks, chunk, context]: q times the projected position of each place.
  Ref position_logits(const Ref& q) {
    const Ref keys =
        b_.weight("relative_keys", relative_keys(w_.relative_k_proj, shape_, 1.0 / key_scale()));
    const Ref flat = reshape(q, "positions", {shape_.heads, -1, shape_.head_dim});
    return relative_shift(b_.op("MatMul", {flat, keys}, "positions"));
  }

  // [heads, blocks * chunk, positions] -> [heads, blocks, chunk, context]. Row i moves i places to
  // the right: padded to context + 1 columns, but read in rows of `context`.
  Ref relative_shift(const Ref& x) {
    const auto scope = b_.enter("relative_shift");
    const int64_t context = shape_.context();
    const int64_t missing = context + 1 - shape_.positions();
    const Ref padded = b_.op("Pad", {x, b_.constant({0, 0, 0, 0, 0, missing})});
    const Ref flat = reshape(padded, "", {shape_.heads, -1, shape_.chunk * (context + 1)});
    const Ref cut = b_.op(
        "Slice", {flat, b_.constant({0}), b_.constant({shape_.chunk * context}), b_.constant({2})});
    return reshape(cut, "", {shape_.heads, -1, shape_.chunk, context});
  }

  // The division cannot go to the queries: a Tanh right behind an Add is what Qualcomm's HTP
  // computes to two digits only in float16.
  Ref capped(const Ref& logits) {
    const auto scope = b_.enter("softcap");
    const Ref cap = b_.constant_scalar(shape_.logit_cap);
    return b_.op("Mul", {b_.op("Tanh", {b_.op("Div", {logits, cap})}), cap});
  }

  // Heads and blocks back to [batch, time, hidden].
  Ref joined(const Ref& attended) {
    const Ref rows = reshape(transpose(attended, "frames", {1, 2, 0, 3}), "frames",
                             {-1, shape_.chunk, shape_.hidden()});
    return chunks_.frames(b_, rows, "frames");
  }

  Builder& b_;
  const ChunkedAttentionWeights& w_;
  const FrameChunks& chunks_;
  const ChunkedAttentionShape& shape_;
};

}  // namespace

Ref chunked_attention(Builder& b, const Ref& x, const std::string& name,
                      const ChunkedAttentionWeights& weights, const FrameChunks& chunks,
                      const ChunkedAttentionShape& shape) {
  const auto scope = b.enter(name);
  return ChunkedAttention(b, weights, chunks, shape).attend(x);
}

}  // namespace lapidary::nn
