#include <fmt/core.h>

#include <algorithm>

#include "graph/shape_rule_list.h"

namespace lapidary::graph::shape_rules {
namespace {

constexpr int64_t kLargestConvNumber = 1 << 20;  // of strides, dilations and pads

// The NumPy broadcast of two shapes; nothing when they do not fit.
std::optional<Shape> broadcast_of(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape out(rank, 1);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t x = i < rank - a.size() ? 1 : a[i - (rank - a.size())];
    const int64_t y = i < rank - b.size() ? 1 : b[i - (rank - b.size())];
    if (x != y && x != 1 && y != 1) return std::nullopt;
    out[i] = x == 1 ? y : x;
  }
  return out;
}

std::vector<int64_t> list(const Node& node, const std::string& key, size_t size, int64_t fallback) {
  const auto it = node.attributes.find(key);
  const auto* values =
      it == node.attributes.end() ? nullptr : std::get_if<std::vector<int64_t>>(&it->second);
  return values == nullptr ? std::vector<int64_t>(size, fallback) : *values;
}

bool all_of_rank(const KnownInputs& in, std::initializer_list<size_t> inputs, size_t rank) {
  return std::all_of(inputs.begin(), inputs.end(),
                     [&](size_t i) { return in.has(i) && in.shape(i).size() == rank; });
}

}  // namespace

Shapes same_as_first(const KnownInputs& in) {
  return std::vector<Shape>(in.node.outputs.size(), in.shape(0));
}

Shapes broadcast(const KnownInputs& in) {
  Shape out = in.shape(0);
  for (size_t i = 1; i < in.shapes.size(); ++i) {
    if (!in.has(i)) return in.mismatch(fmt::format("lacks input {}", i));
    const auto both = broadcast_of(out, in.shape(i));
    if (!both) return in.mismatch("cannot be broadcast");
    out = *both;
  }
  return single(out);
}

Shapes mat_mul(const KnownInputs& in) {
  Shape a = in.shape(0);
  Shape b = in.shape(1);
  if (a.empty() || b.empty()) return in.mismatch("needs matrices");
  const bool row = a.size() == 1;
  const bool column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  if (a.back() != b[b.size() - 2]) return in.mismatch("does not fit");
  auto out = broadcast_of({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
  if (!out) return in.mismatch("cannot be broadcast");
  if (!row) out->push_back(a[a.size() - 2]);
  if (!column) out->push_back(b.back());
  return single(*out);
}

Shapes gemm(const KnownInputs& in) {
  if (!all_of_rank(in, {0, 1}, 2)) return in.mismatch("needs matrices");
  const auto a = static_cast<size_t>(in.node.int_attribute("transA", 0) != 0);
  const auto b = static_cast<size_t>(in.node.int_attribute("transB", 0) != 0);
  if (in.shape(0)[1 - a] != in.shape(1)[b]) return in.mismatch("does not fit");
  return single({in.shape(0)[a], in.shape(1)[1 - b]});
}

Shapes mat_mul_nbits(const KnownInputs& in) {
  Shape out = in.shape(0);
  if (out.empty() || out.back() != in.node.int_attribute("K", -1)) {
    return in.mismatch("does not fit its attribute K");
  }
  out.back() = in.node.int_attribute("N", -1);
  return single(out);
}

Shapes conv(const KnownInputs& in) {
  const Shape& x = in.shape(0);
  const Shape& w = in.shape(1);
  if (x.size() < 3 || w.size() != x.size()) return in.mismatch("needs [N, C, ...] and [M, C, ...]");
  const size_t axes = x.size() - 2;
  const auto strides = list(in.node, "strides", axes, 1);
  const auto dilations = list(in.node, "dilations", axes, 1);
  const auto pads = list(in.node, "pads", 2 * axes, 0);
  if (strides.size() != axes || dilations.size() != axes || pads.size() != 2 * axes) {
    return in.mismatch("has strides, dilations or pads for another rank");
  }
  if (const auto it = in.node.attributes.find("auto_pad"); it != in.node.attributes.end()) {
    const auto* mode = std::get_if<std::string>(&it->second);
    if (mode == nullptr || *mode != "NOTSET") {
      return unsupported(in.where(), "auto_pad is not followed", "write out pads");
    }
  }
  for (const auto* numbers : {&strides, &dilations, &pads}) {
    for (const int64_t number : *numbers) {
      if (number < 0 || number > kLargestConvNumber) return in.mismatch("has numbers out of range");
    }
  }
  Shape out = {x[0], w[0]};
  for (size_t i = 0; i < axes; ++i) {
    const int64_t size = x[i + 2] + pads[i] + pads[i + axes];
    const int64_t reach = dilations[i] * (w[i + 2] - 1) + 1;
    if (strides[i] < 1 || dilations[i] < 1 || size < reach) return in.mismatch("does not fit");
    out.push_back((size - reach) / strides[i] + 1);
  }
  return single(out);
}

Shapes reduce(const KnownInputs& in) {
  LAP_ASSIGN_OR_RETURN(const auto axes, in.optional_values(1));
  const bool keep = in.node.int_attribute("keepdims", 1) != 0;
  std::vector<bool> reduced(in.shape(0).size(), !axes || axes->empty());
  if (axes && axes->empty() && in.node.int_attribute("noop_with_empty_axes", 0) != 0) {
    return single(in.shape(0));
  }
  for (const int64_t axis : axes.value_or(std::vector<int64_t>())) {
    const auto at = checked_axis(axis, reduced.size());
    if (!at) return in.mismatch(fmt::format("has no axis {}", axis));
    reduced[*at] = true;
  }
  Shape out;
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (!reduced[i]) out.push_back(in.shape(0)[i]);
    if (reduced[i] && keep) out.push_back(1);
  }
  return single(out);
}

Shapes attention(const KnownInputs& in) {
  if (!all_of_rank(in, {0, 1, 2}, 4) || in.has(4) || in.has(5)) {
    return unsupported(in.where(), "only Attention of rank 4 without caches is followed",
                       "split the heads and append to the caches outside");
  }
  const Shape& q = in.shape(0);
  return single({q[0], q[1], q[2], in.shape(2)[3]});
}

Shapes multi_head_attention(const KnownInputs& in) {
  if (!all_of_rank(in, {0, 1, 2}, 3)) {
    return unsupported(in.where(), "only MultiHeadAttention of rank 3 is followed",
                       "give queries, keys and values as [batch, sequence, width]");
  }
  return single({in.shape(0)[0], in.shape(0)[1], in.shape(2)[2]});
}

Shapes group_query_attention(const KnownInputs& in) {
  if (!all_of_rank(in, {0, 1, 2}, 3) || !all_of_rank(in, {3, 4}, 4)) {
    return unsupported(in.where(),
                       "only GroupQueryAttention with separate keys and values and with caches is "
                       "followed",
                       "give [batch, sequence, width] and [batch, heads, past, head_dim]");
  }
  Shape key = in.shape(3);
  Shape value = in.shape(4);
  key[2] += in.shape(1)[1];
  value[2] += in.shape(2)[1];
  return std::vector{in.shape(0), key, value};
}

}  // namespace lapidary::graph::shape_rules
