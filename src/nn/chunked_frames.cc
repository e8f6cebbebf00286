// The half of chunked_attention.h that does not depend on weights: places, positions, and chunks of
// any length.
#include <algorithm>
#include <cmath>

#include "nn/chunked_attention.h"
#include "tensor/expressions.h"

namespace lapidary::nn {
namespace {

using graph::Builder;
using graph::Ref;

// [chunks, 1]: where each chunk starts, counted in frames.
Ref chunk_starts(Builder& b, const Ref& time, int64_t chunk) {
  const Ref end = b.op("Squeeze", {time}, "starts");
  const Ref starts =
      b.op("Range", {b.constant_scalar(int64_t{0}), end, b.constant_scalar(chunk)}, "starts");
  return b.op("Unsqueeze", {starts, b.constant({1})}, "starts");
}

// Zeros that fill the last chunk: -time modulo chunk of them (ONNX's Mod takes the divisor's sign).
Ref chunk_padding(Builder& b, const Ref& time, int64_t chunk) {
  const Ref missing = b.op("Mod", {b.op("Neg", {time}, "padding"), b.constant({chunk})}, "padding");
  return b.op("Concat", {b.constant({0, 0, 0, 0}), missing, b.constant({0})}, "padding",
              {{"axis", int64_t{0}}});
}

Ref visible_table(Builder& b, const ChunkedAttentionShape& shape) {
  std::vector<std::byte> bytes;
  for (const bool place : visible_places(shape)) bytes.push_back(std::byte{place});
  return b.weight("visible_places",
                  tensor::literal({DType::kBool, {shape.chunk, shape.context()}}, bytes));
}

}  // namespace

std::vector<bool> visible_places(const ChunkedAttentionShape& shape) {
  std::vector<bool> visible;
  for (int64_t query = 0; query < shape.chunk; ++query) {
    for (int64_t place = 0; place < shape.context(); ++place) {
      const int64_t distance = query + shape.past - place;  // > 0: the key is in the past
      const bool past = distance >= 0 && distance < shape.past;
      const bool future = distance < 0 && -distance < shape.future;
      visible.push_back(past || future);
    }
  }
  return visible;
}

std::vector<float> relative_position_table(const ChunkedAttentionShape& shape) {
  const int64_t timescales = shape.hidden() / 2;
  const double step = std::log(10000.0) / static_cast<double>(std::max<int64_t>(timescales - 1, 1));
  std::vector<float> table;
  for (int64_t position = shape.positions() - 1; position >= 0; --position) {
    for (const bool is_sine : {true, false}) {
      for (int64_t i = 0; i < timescales; ++i) {
        const double angle =
            static_cast<double>(position) * std::exp(-step * static_cast<double>(i));
        table.push_back(static_cast<float>(is_sine ? std::sin(angle) : std::cos(angle)));
      }
    }
  }
  return table;
}

DynamicChunks::DynamicChunks(Builder& b, const Ref& mask, const ChunkedAttentionShape& shape)
    : shape_(shape) {
  const auto scope = b.enter("chunks");
  time_ = b.op("Shape", {mask}, "time", {{"start", int64_t{1}}, {"end", int64_t{2}}});
  whole_ = b.op("Concat",
                {b.op("Shape", {mask}, "whole", {{"end", int64_t{1}}}), b.constant({-1}),
                 b.constant({shape.hidden()})},
                "whole", {{"axis", int64_t{0}}});
  chunk_padding_ = chunk_padding(b, time_, shape.chunk);

  std::vector<int64_t> places(static_cast<size_t>(shape.context()));
  for (size_t j = 0; j < places.size(); ++j) places[j] = static_cast<int64_t>(j);
  const Ref offsets = b.weight("places", tensor::integers({shape.context()}, places));
  context_indices_ = b.op("Add", {chunk_starts(b, time_, shape.chunk), offsets}, "context_indices");

  const Ref padding = b.constant({0, shape.past, 0, shape.future + shape.chunk - 1});
  const Ref real = b.op("Gather", {b.op("Pad", {mask, padding}, "visible"), context_indices_},
                        "visible", {{"axis", int64_t{1}}});  // [batch, chunks, context]
  const Ref rows = b.op("Reshape", {real, b.constant({-1, 1, shape.context()})}, "visible");
  visible_ = b.op("And", {rows, visible_table(b, shape)}, "visible");
}

Ref DynamicChunks::chunks(Builder& b, const Ref& x, const std::string& at) const {
  const Ref padded = b.op("Pad", {x, chunk_padding_}, at);
  return b.op("Reshape", {padded, b.constant({-1, shape_.chunk, shape_.hidden()})}, at);
}

Ref DynamicChunks::contexts(Builder& b, const Ref& x, const std::string& at) const {
  const Ref padded =
      b.op("Pad", {x, b.constant({0, shape_.past, 0, 0, shape_.future + shape_.chunk - 1, 0})}, at);
  const Ref rows = b.op("Gather", {padded, context_indices_}, at, {{"axis", int64_t{1}}});
  return b.op("Reshape", {rows, b.constant({-1, shape_.context(), shape_.hidden()})}, at);
}

Ref DynamicChunks::masked(Builder& b, const Ref& logits) const {
  return b.op("Where", {visible_, logits, b.constant_scalar(shape_.invalid_logit)}, "mask");
}

Ref DynamicChunks::frames(Builder& b, const Ref& x, const std::string& at) const {
  const Ref rows = b.op("Reshape", {x, whole_}, at);
  return b.op("Slice", {rows, b.constant({0}), time_, b.constant({1})}, at);
}

}  // namespace lapidary::nn
