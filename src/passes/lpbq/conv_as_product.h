// Convolutions as products of a matrix, for operators that only products have.
//
//   y[n, m, h, w] = sum over positions p and channels c of x[n, c, h', w'] * k[m, c, p]
//                 = [n, h, w, P * C] times [P * C, m], and m moved to its place
#pragma once

#include <string>
#include <variant>

#include "graph/fixed_shapes.h"
#include "passes/lpbq/block_product.h"

namespace lapidary::passes {

// What of a convolution's input meets the kernel.
struct ConvWindow {
  std::vector<int64_t> kernel, strides, dilations;  // by spatial dim
  std::vector<int64_t> pads_begin, pads_end;
  std::vector<int64_t> result;  // spatial dims of y; empty: all of a 1x1 window

  bool pointwise() const;  // 1x1, every pixel
};

// The window, or the reason why it cannot become a product. `weight`: [m, c, kernel..]. `shapes`
// may be null, then only pointwise windows can.
std::variant<ConvWindow, std::string> conv_window(const graph::Node& conv,
                                                  const tensor::Shape& weight,
                                                  const graph::FixedShapes* shapes);

// Emits what makes [n, .., P * C] of `x` [n, C, ..]; every step is quantized with `encoding`.
std::string emit_windows(NodeRewriter& out, const std::string& at, const std::string& x,
                         const ConvWindow& window, const ValueEncoding& encoding);

// [n, .., m] -> [n, m, ..] for a result of `spatial` dims; not quantized.
std::string emit_channels_first(NodeRewriter& out, const std::string& at, const std::string& value,
                                size_t spatial);

// QuantizeLinear and DequantizeLinear; returns the dequantized value.
std::string emit_requantized(NodeRewriter& out, const std::string& at, const std::string& value,
                             const ValueEncoding& encoding);

}  // namespace lapidary::passes
