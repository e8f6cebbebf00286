#include "passes/lpbq/block_product.h"

#include <algorithm>

#include "weights/nbits.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using quant::IntegerType;
using tensor::DType;
using tensor::Tensor;

using Found = std::optional<std::variant<BlockProduct, NotConverted>>;

std::string input_of(const Node& node, size_t index) {
  return index < node.inputs.size() ? node.inputs[index] : "";
}

std::optional<IntegerType> integer_type(DType dtype) {
  switch (dtype) {
    case DType::kUint8:
      return IntegerType::kUint8;
    case DType::kInt8:
      return IntegerType::kInt8;
    case DType::kUint16:
      return IntegerType::kUint16;
    case DType::kInt16:
      return IntegerType::kInt16;
    default:
      return std::nullopt;
  }
}

// Of a Quantize- or DequantizeLinear of one scale.
std::optional<ValueEncoding> encoding(const Graph& graph, const Node& node) {
  const Tensor* scale = graph.constant(input_of(node, 1));
  const Tensor* zero = graph.constant(input_of(node, 2));
  if (scale == nullptr || zero == nullptr || scale->type().elements() != 1 ||
      zero->type().elements() != 1 || scale->dtype() != DType::kFloat) {
    return std::nullopt;
  }
  const auto type = integer_type(zero->dtype());
  const auto scales = scale->to_floats();
  const auto zeros = zero->to_integers();
  if (!type || !scales.ok() || !zeros.ok()) return std::nullopt;
  return ValueEncoding{node.inputs[1],
                       node.inputs[2],
                       {scales.value()[0], static_cast<int32_t>(zeros.value()[0])},
                       *type};
}

std::vector<int64_t> integers_attribute(const Node& node, const std::string& key) {
  const auto it = node.attributes.find(key);
  if (it == node.attributes.end()) return {};
  const auto* values = std::get_if<std::vector<int64_t>>(&it->second);
  return values == nullptr ? std::vector<int64_t>{} : *values;
}

float float_attribute(const Node& node, const std::string& key, float fallback) {
  const auto it = node.attributes.find(key);
  if (it == node.attributes.end()) return fallback;
  const auto* value = std::get_if<float>(&it->second);
  return value == nullptr ? fallback : *value;
}

// The DequantizeLinear in blocks behind a weight input, a Transpose of a matrix between them or
// not.
struct Dequantizer {
  const Node* node = nullptr;
  bool transposed = false;
};
Dequantizer dequantizer_of(const Node& product, const NodeRewriter& out) {
  Dequantizer found{out.producer(out.current(input_of(product, 1)))};
  if (found.node != nullptr && found.node->qualified_op() == "Transpose" &&
      product.op_type == "MatMul" &&
      integers_attribute(*found.node, "perm") == std::vector<int64_t>{1, 0}) {
    found = {out.producer(found.node->inputs[0]), true};
  }
  if (found.node == nullptr || found.node->qualified_op() != "DequantizeLinear" ||
      found.node->int_attribute("block_size", 0) <= 0) {
    return {};
  }
  return found;
}

// Which axes of the weight are outputs and inputs. The reason against it is "" when it fits.
std::string read_layout(const Node& product, bool transposed, const Tensor& codes, int64_t axis,
                        weights::WeightLayout& layout) {
  const tensor::Shape& shape = codes.shape();
  const auto rank = static_cast<int64_t>(shape.size());
  if (axis < 0) axis += rank;
  if (product.op_type == "Conv") {
    if (rank < 3 || rank > 4) return "the kernel has " + std::to_string(rank - 2) + " dims";
    layout = {shape[0], shape[1],
              codes.type().elements() / std::max<int64_t>(1, shape[0] * shape[1]), true};
  } else if (rank != 2) {
    return "the weight has rank " + std::to_string(rank);
  } else if (product.op_type == "Gemm" ? product.int_attribute("transB", 0) != 0 : transposed) {
    layout = {shape[0], shape[1], 1, true};
  } else {
    layout = {shape[1], shape[0], 1, false};
  }
  if (axis != (layout.by_output ? 1 : 0)) return "its blocks do not run along the inputs";
  return "";
}

// What LPBQ cannot express at all.
Result<std::string> reason_to_refuse(const Graph& graph, const Node& dequantize,
                                     const Tensor& codes) {
  if (codes.dtype() != DType::kInt4 && codes.dtype() != DType::kUint4) {
    return "its blocks hold " + std::string(tensor::name_of(codes.dtype())) +
           " codes, and LPBQ has 4 bits";
  }
  const std::string zero = input_of(dequantize, 2);
  bool centered = codes.dtype() == DType::kInt4;
  if (!zero.empty()) {
    const Tensor* points = graph.constant(zero);
    if (points == nullptr) return std::string("its zero points are no constants");
    LAP_ASSIGN_OR_RETURN(centered, weights::are_centered(codes, *points));
  }
  if (!centered) return std::string("its blocks have zero points (asymmetric), and LPBQ has none");
  return std::string();
}

std::string reason_to_leave(const Tensor& scales, const weights::BlockSource& source) {
  const weights::WeightLayout& layout = source.layout;
  if (scales.dtype() != DType::kFloat) {
    return "its scales are " + std::string(tensor::name_of(scales.dtype()));
  }
  if (source.block_size < 16 || source.block_size > 256) {
    return "LPBQ takes blocks of 16 to 256, these have " + std::to_string(source.block_size);
  }
  if (layout.channels % source.block_size != 0) {
    return "its last block is short: " + std::to_string(layout.channels) + " inputs in blocks of " +
           std::to_string(source.block_size);
  }
  if (layout.n % 2 != 0) return "it has an odd number of outputs";
  if (scales.type().elements() != layout.n * layout.inputs() / source.block_size) {
    return "its scales do not fit its codes";
  }
  return "";
}

// The values of a bias, float or dequantized. The reason against it is "" when it fits.
std::string read_bias(const Node& node, const NodeRewriter& out, int64_t n, float factor,
                      std::vector<float>& bias) {
  const std::string value = out.current(input_of(node, 2));
  if (value.empty()) return "";
  const Node* producer = out.producer(value);
  const bool dequantized = producer != nullptr && producer->qualified_op() == "DequantizeLinear";
  const Tensor* tensor = out.graph().constant(dequantized ? producer->inputs[0] : value);
  if (tensor == nullptr) return "its bias is no constant";
  const int64_t count = tensor->type().elements();
  if (count != 1 && (count != n || tensor->shape().back() != n)) {
    return "its bias has shape " + tensor::to_string(tensor->shape());
  }
  std::vector<float> values;
  if (!dequantized) {
    auto floats = tensor->to_floats();
    if (!floats.ok()) return "its bias is no float tensor";
    values = std::move(floats).value();
  } else {
    const Tensor* scale = out.graph().constant(input_of(*producer, 1));
    const Tensor* zero = out.graph().constant(input_of(*producer, 2));
    if (scale == nullptr || producer->int_attribute("block_size", 0) != 0) {
      return "its bias is dequantized by what is no constant";
    }
    auto codes = tensor->to_integers();
    auto scales = scale->to_floats();
    auto zeros = zero == nullptr ? Result<std::vector<int64_t>>(std::vector<int64_t>{0})
                                 : zero->to_integers();
    if (!codes.ok() || !scales.ok() || !zeros.ok()) return "its bias cannot be read";
    for (size_t i = 0; i < codes->size(); ++i) {
      const float one = (*scales)[scales->size() == 1 ? 0 : i];
      const int64_t middle = (*zeros)[zeros->size() == 1 ? 0 : i];
      values.push_back(static_cast<float>((*codes)[i] - middle) * one);
    }
  }
  if (values.size() == 1) values.assign(static_cast<size_t>(n), values[0]);
  for (float& each : values) each *= factor;
  if (std::any_of(values.begin(), values.end(), [](float b) { return b != 0; })) {
    bias = std::move(values);
  }
  return "";
}

std::string read_product(const Node& node, const NodeRewriter& out, const Readers& readers,
                         BlockProduct& product) {
  const Node* x = out.producer(out.current(input_of(node, 0)));
  if (x == nullptr || x->qualified_op() != "DequantizeLinear") {
    return "its input is no integer: LPBQ needs integer activations";
  }
  const auto x_encoding = encoding(out.graph(), *x);
  if (!x_encoding) return "its input is not dequantized by one constant scale and zero point";
  const auto y_encoding = readers.encoding_of(out.graph(), node.outputs[0]);
  if (!y_encoding) return "its result is not quantized: LPBQ needs integer activations";
  product.x = *x_encoding;
  product.y = *y_encoding;
  float bias_factor = 1;
  if (node.op_type == "Gemm") {
    if (node.int_attribute("transA", 0) != 0) return "it takes its input transposed (transA)";
    product.weight.factor = float_attribute(node, "alpha", 1);
    bias_factor = float_attribute(node, "beta", 1);
  }
  if (node.op_type == "MatMul") return "";
  return read_bias(node, out, product.weight.layout.n, bias_factor, product.bias);
}

}  // namespace

Readers::Readers(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      ++counts_[node.inputs[i]];
      if (i == 0 && node.qualified_op() == "QuantizeLinear") {
        quantizers_[node.inputs[0]].push_back(node);
      }
    }
    for (const auto& [key, attribute] : node.opaque) {
      for (const std::string& value : attribute.captures) ++counts_[value];
    }
  }
  for (const auto& output : graph.outputs) ++counts_[output.name];
}

std::optional<ValueEncoding> Readers::encoding_of(const Graph& graph,
                                                  const std::string& value) const {
  const auto it = quantizers_.find(value);
  if (it == quantizers_.end() || it->second.size() != counts_.at(value)) return std::nullopt;
  return encoding(graph, it->second.front());
}

Result<Found> block_product(const Node& node, const NodeRewriter& out, const Readers& readers) {
  const std::string op = node.qualified_op();
  if (op != "MatMul" && op != "Gemm" && op != "Conv") return Found();
  const Dequantizer found = dequantizer_of(node, out);
  if (found.node == nullptr) return Found();
  const auto left = [](std::string reason) {
    return Found(NotConverted{std::move(reason), false});
  };
  const Graph& graph = out.graph();
  const Tensor* codes = graph.constant(input_of(*found.node, 0));
  if (codes == nullptr) return left("its weight is no constant");
  const Tensor* scales = graph.constant(input_of(*found.node, 1));
  if (scales == nullptr) {
    const Node* scaler = out.producer(input_of(*found.node, 1));
    return left(scaler != nullptr && scaler->qualified_op() == "DequantizeLinear"
                    ? "its weight is LPBQ already"
                    : "its scales are no constants");
  }
  LAP_ASSIGN_OR_RETURN(std::string refusal, reason_to_refuse(graph, *found.node, *codes));
  if (!refusal.empty()) return Found(NotConverted{std::move(refusal), true});
  BlockProduct product;
  product.weight = {*codes, *scales, {}, found.node->int_attribute("block_size", 0), 1};
  product.name = found.node->inputs[0];
  std::string reason = read_layout(node, found.transposed, *codes,
                                   found.node->int_attribute("axis", 1), product.weight.layout);
  if (reason.empty()) reason = reason_to_leave(*scales, product.weight);
  if (reason.empty()) reason = read_product(node, out, readers, product);
  if (!reason.empty()) return left(std::move(reason));
  return Found(std::move(product));
}

}  // namespace lapidary::passes
