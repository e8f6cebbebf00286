// Chunks of one clip whose length is a number: the static half of chunked_attention.h.
#include "nn/chunked_attention.h"

namespace lapidary::nn {

using graph::Builder;
using graph::Ref;

FixedChunks::FixedChunks(Builder& b, const Ref& attention_mask, int64_t time,
                         const ChunkedAttentionShape& shape)
    : shape_(shape), time_(time) {
  const auto scope = b.enter("chunks");
  mask_ = b.op("Reshape", {attention_mask, b.constant({1, blocks(), shape.chunk, shape.context()})},
               "mask");
}

Ref FixedChunks::chunks(Builder& b, const Ref& x, const std::string& at) const {
  const int64_t missing = blocks() * shape_.chunk - time_;
  const Ref whole = missing == 0 ? x : b.op("Pad", {x, b.constant({0, 0, 0, 0, missing, 0})}, at);
  return b.op("Reshape", {whole, b.constant({blocks(), shape_.chunk, shape_.hidden()})}, at);
}

// The context of a block is the first places of so many chunks, one after the other:
//
//   padded  z z z z a b c d e f g h z z z z     chunk 4, past 4, context 8: two slices
//   0       z z z z a b c d                     places 0 to 3 of blocks 0 and 1
//   4               a b c d e f g h             places 4 to 7
Ref FixedChunks::contexts(Builder& b, const Ref& x, const std::string& at) const {
  const int64_t rows = blocks() * shape_.chunk;
  const int64_t slices = (shape_.context() + shape_.chunk - 1) / shape_.chunk;
  const int64_t after = rows + (slices - 1) * shape_.chunk - shape_.past - time_;
  const Ref padded = b.op("Pad", {x, b.constant({0, shape_.past, 0, 0, after, 0})}, at);
  std::vector<Ref> parts;
  for (int64_t i = 0; i < slices; ++i) {
    const int64_t begin = i * shape_.chunk;
    const Ref part = b.op(
        "Slice", {padded, b.constant({begin}), b.constant({begin + rows}), b.constant({1})}, at);
    parts.push_back(
        b.op("Reshape", {part, b.constant({blocks(), shape_.chunk, shape_.hidden()})}, at));
  }
  Ref joined = b.op("Concat", parts, at, {{"axis", int64_t{1}}});
  if (slices * shape_.chunk == shape_.context()) return joined;
  return b.op("Slice", {joined, b.constant({0}), b.constant({shape_.context()}), b.constant({1})},
              at);
}

Ref FixedChunks::masked(Builder& b, const Ref& logits) const {
  return b.op("Add", {logits, mask_}, "mask");
}

Ref FixedChunks::frames(Builder& b, const Ref& x, const std::string& at) const {
  const int64_t rows = blocks() * shape_.chunk;
  Ref flat = b.op("Reshape", {x, b.constant({1, rows, shape_.hidden()})}, at);
  if (rows == time_) return flat;
  return b.op("Slice", {flat, b.constant({0}), b.constant({time_}), b.constant({1})}, at);
}

}  // namespace lapidary::nn
