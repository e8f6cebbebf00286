#include "passes/lpbq/conv_as_product.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace lapidary::passes {
namespace {

using graph::Node;

constexpr int64_t kMostPositions = 25;  // each costs a Slice and an encoding

std::vector<int64_t> integers_or(const Node& node, const std::string& key,
                                 std::vector<int64_t> fallback) {
  const auto it = node.attributes.find(key);
  if (it == node.attributes.end()) return fallback;
  const auto* values = std::get_if<std::vector<int64_t>>(&it->second);
  return values == nullptr ? fallback : *values;
}

bool all_are(const std::vector<int64_t>& values, int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [=](int64_t v) { return v == wanted; });
}

// Positions of the kernel, row-major, as offsets of the first pixel they meet.
std::vector<std::vector<int64_t>> offsets_of(const ConvWindow& window) {
  std::vector<std::vector<int64_t>> out = {{}};
  for (size_t d = 0; d < window.kernel.size(); ++d) {
    std::vector<std::vector<int64_t>> longer;
    for (const auto& prefix : out) {
      for (int64_t k = 0; k < window.kernel[d]; ++k) {
        longer.push_back(prefix);
        longer.back().push_back(k * window.dilations[d]);
      }
    }
    out = std::move(longer);
  }
  return out;
}

}  // namespace

bool ConvWindow::pointwise() const {
  return all_are(kernel, 1) && all_are(strides, 1) && all_are(pads_begin, 0) &&
         all_are(pads_end, 0);
}

std::variant<ConvWindow, std::string> conv_window(const Node& conv, const tensor::Shape& weight,
                                                  const graph::FixedShapes* shapes) {
  const size_t spatial = weight.size() - 2;
  if (conv.int_attribute("group", 1) != 1) return std::string("it has groups");
  ConvWindow window;
  window.kernel.assign(weight.begin() + 2, weight.end());
  window.strides = integers_or(conv, "strides", std::vector<int64_t>(spatial, 1));
  window.dilations = integers_or(conv, "dilations", std::vector<int64_t>(spatial, 1));
  const auto pads = integers_or(conv, "pads", std::vector<int64_t>(2 * spatial, 0));
  if (integers_or(conv, "kernel_shape", window.kernel) != window.kernel ||
      window.strides.size() != spatial || window.dilations.size() != spatial ||
      pads.size() != 2 * spatial) {
    return std::string("its kernel_shape, strides, dilations or pads are not those of its weight");
  }
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(spatial);
  window.pads_begin.assign(pads.begin(), middle);
  window.pads_end.assign(middle, pads.end());
  const auto padding = conv.attributes.find("auto_pad");
  if (padding != conv.attributes.end()) {
    const auto* how = std::get_if<std::string>(&padding->second);
    if (how == nullptr || (*how != "NOTSET" && *how != "VALID")) {
      return std::string("its padding is automatic (auto_pad)");
    }
  }
  if (window.pointwise()) return window;
  const int64_t positions = tensor::element_count(window.kernel);
  if (positions > kMostPositions) {
    return fmt::format("its kernel has {} positions, more than {}", positions, kMostPositions);
  }
  const auto known = shapes == nullptr ? std::map<std::string, tensor::Shape>::const_iterator{}
                                       : shapes->shapes.find(conv.outputs[0]);
  if (shapes == nullptr || known == shapes->shapes.end() || known->second.size() != weight.size()) {
    return std::string("its shapes are not fixed");
  }
  window.result.assign(known->second.begin() + 2, known->second.end());
  return window;
}

std::string emit_requantized(NodeRewriter& out, const std::string& at, const std::string& value,
                             const ValueEncoding& encoding) {
  const std::string q = out.op("QuantizeLinear", {value, encoding.scale, encoding.zero_point}, at);
  return out.op("DequantizeLinear", {q, encoding.scale, encoding.zero_point}, at);
}

std::string emit_windows(NodeRewriter& out, const std::string& at, const std::string& x,
                         const ConvWindow& window, const ValueEncoding& encoding) {
  const auto step = [&](const std::string& value) {
    return emit_requantized(out, at, value, encoding);
  };
  const size_t spatial = window.kernel.size();
  std::vector<int64_t> last_channels = {0};
  for (size_t d = 0; d < spatial; ++d) last_channels.push_back(static_cast<int64_t>(d) + 2);
  last_channels.push_back(1);
  std::string moved = step(out.op("Transpose", {x}, at, {{"perm", last_channels}}));
  if (window.pointwise()) return moved;
  if (!all_are(window.pads_begin, 0) || !all_are(window.pads_end, 0)) {
    std::vector<int64_t> pads = {0};
    pads.insert(pads.end(), window.pads_begin.begin(), window.pads_begin.end());
    pads.insert(pads.end(), {0, 0});
    pads.insert(pads.end(), window.pads_end.begin(), window.pads_end.end());
    pads.push_back(0);
    moved = step(out.op("Pad", {moved, out.integers(pads)}, at));
  }
  std::vector<int64_t> axes;
  for (size_t d = 0; d < spatial; ++d) axes.push_back(static_cast<int64_t>(d) + 1);
  std::vector<std::string> parts;
  for (const std::vector<int64_t>& starts : offsets_of(window)) {
    std::vector<int64_t> ends;
    for (size_t d = 0; d < spatial; ++d) {
      ends.push_back(starts[d] + (window.result[d] - 1) * window.strides[d] + 1);
    }
    parts.push_back(step(out.op("Slice",
                                {moved, out.integers(starts), out.integers(ends),
                                 out.integers(axes), out.integers(window.strides)},
                                at)));
  }
  if (parts.size() == 1) return parts[0];
  return step(out.op("Concat", parts, at, {{"axis", static_cast<int64_t>(spatial) + 1}}));
}

std::string emit_channels_first(NodeRewriter& out, const std::string& at, const std::string& value,
                                size_t spatial) {
  std::vector<int64_t> perm = {0, static_cast<int64_t>(spatial) + 1};
  for (size_t d = 0; d < spatial; ++d) perm.push_back(static_cast<int64_t>(d) + 1);
  return out.op("Transpose", {value}, at, {{"perm", perm}});
}

}  // namespace lapidary::passes
