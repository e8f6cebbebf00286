// Small graphs of the forms that rules speak of.
#pragma once

#include <string>
#include <vector>

#include "graph/builder.h"
#include "target/graph_facts.h"
#include "tensor/expressions.h"

namespace lapidary::target {

using graph::Attributes;
using graph::Builder;
using graph::Ref;

using Dims = std::vector<int64_t>;

inline constexpr int64_t kIn = 64;  // inner dim of the products
inline constexpr int64_t kOut = 4;

enum class ZeroPoints { kOmitted, kZeros, kOther };

// A dequantized weight [inputs, outputs].
struct WeightForm {
  DType code = DType::kInt8;
  Scheme scheme = Scheme::kChannel;
  ZeroPoints zero_points = ZeroPoints::kZeros;
  int64_t block = 32;
  int64_t inputs = kIn;
  int64_t outputs = kOut;
  bool negative = false;  // scales, but of blocks
};

inline constexpr int kNegativeFloats = 0xBD;  // as filled(): -0.09

// A constant whose bytes are all `fill`.
inline Ref filled(Builder& b, const std::string& name, DType dtype, const Dims& dims,
                  int fill = 0) {
  const tensor::TensorType type{dtype, dims};
  return b.weight(name,
                  tensor::literal(type, std::vector<std::byte>(static_cast<size_t>(type.bytes()),
                                                               static_cast<std::byte>(fill))));
}

// A graph input.
inline Ref plain(Builder& b, const Dims& dims, DType dtype = DType::kFloat,
                 const std::string& name = "x") {
  return b.input(name, dtype, {dims.begin(), dims.end()});
}

// A graph input of codes, dequantized with one scale.
inline Ref quantized(Builder& b, const Dims& dims, DType code, int zero_point = 0,
                     const std::string& name = "x") {
  return b.op("DequantizeLinear",
              {plain(b, dims, code, name), filled(b, name + "_scale", DType::kFloat, {}),
               filled(b, name + "_zero_point", code, {}, zero_point)});
}

inline Ref a16(Builder& b, const Dims& dims = {1, 3, kIn}, const std::string& name = "x") {
  return quantized(b, dims, DType::kUint16, 0x80, name);
}

inline Ref weight(Builder& b, const WeightForm& form) {
  const bool blocks = form.scheme == Scheme::kBlock || form.scheme == Scheme::kBlockExpansion;
  Dims scale_dims;
  if (form.scheme == Scheme::kChannel) scale_dims = {form.outputs};
  if (blocks) scale_dims = {form.inputs / form.block, form.outputs};
  Ref scale;
  if (form.scheme == Scheme::kBlockExpansion) {
    scale = b.op("DequantizeLinear", {filled(b, "w_multipliers", DType::kUint8, scale_dims, 1),
                                      filled(b, "w_scale", DType::kFloat, {form.outputs})});
  } else {
    scale = filled(b, "w_scale", DType::kFloat, scale_dims, form.negative ? kNegativeFloats : 0);
  }
  std::vector<Ref> inputs = {filled(b, "w", form.code, {form.inputs, form.outputs}, 1), scale};
  if (form.zero_points != ZeroPoints::kOmitted) {
    const int fill = form.zero_points == ZeroPoints::kOther ? 0x11 : 0;
    inputs.push_back(filled(b, "w_zero_point", form.code, scale_dims, fill));
  }
  Attributes attributes = {{"axis", int64_t{blocks ? 0 : 1}}};
  if (blocks) attributes["block_size"] = form.block;
  return b.op("DequantizeLinear", inputs, "w", attributes);
}

// [kOut, kIn, size, size], in blocks along axis 1.
inline Ref conv_weight(Builder& b, const WeightForm& form, int64_t size) {
  const Dims scale_dims = {kOut, kIn / form.block, size, size};
  Ref scale = filled(b, "w_scale", DType::kFloat, scale_dims);
  if (form.scheme == Scheme::kBlockExpansion) {
    scale = b.op("DequantizeLinear",
                 {filled(b, "w_multipliers", DType::kUint8, scale_dims, 1),
                  filled(b, "w_channel_scale", DType::kFloat, {kOut})},
                 "", {{"axis", int64_t{0}}});
  }
  return b.op("DequantizeLinear",
              {filled(b, "w", form.code, {kOut, kIn, size, size}, 1), scale,
               filled(b, "w_zero_point", form.code, scale_dims)},
              "w", {{"axis", int64_t{1}}, {"block_size", form.block}});
}

// `op` as Node::qualified_op() has it.
inline Ref emit(Builder& b, const std::string& op, const std::vector<Ref>& inputs,
                Attributes attributes = {}) {
  const std::string prefix = std::string(graph::kMicrosoftDomain) + "::";
  if (op.starts_with(prefix)) {
    return b.microsoft_op(op.substr(prefix.size()), inputs, "node", std::move(attributes));
  }
  return b.op(op, inputs, "node", std::move(attributes));
}

}  // namespace lapidary::target
