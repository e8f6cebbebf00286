#include "passes/lpbq/block_product.h"

#include <fmt/core.h>

#include <algorithm>

#include "weights/nbits.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Tensor;

using Found = std::optional<std::variant<BlockProduct, NotConverted>>;

bool is_activation_type(DType dtype) { return quant::is_code_type(dtype) && bits_of(dtype) >= 8; }

// What was read of a constant; its error says which one.
template <typename T>
Result<T> named(Result<T> values, const std::string& constant) {
  if (values.ok()) return values;
  Error error = values.take_error();
  error.where =
      fmt::format("constant '{}'{}", constant, error.where.empty() ? "" : ", " + error.where);
  return error;
}

// Of a Quantize- or DequantizeLinear of one scale.
Result<std::optional<ValueEncoding>> encoding(const Graph& graph, const Node& node) {
  const auto none = std::optional<ValueEncoding>();
  const Tensor* scale = graph.constant(node.input(1));
  const Tensor* zero = graph.constant(node.input(2));
  if (scale == nullptr || zero == nullptr || scale->type().elements() != 1 ||
      zero->type().elements() != 1 || scale->dtype() != DType::kFloat) {
    return none;
  }
  if (!is_activation_type(zero->dtype())) return none;
  LAP_ASSIGN_OR_RETURN(const auto scales, named(scale->to_floats(), node.inputs[1]));
  LAP_ASSIGN_OR_RETURN(const auto zeros, named(zero->to_integers(), node.inputs[2]));
  return std::optional(ValueEncoding{
      node.inputs[1], node.inputs[2], {scales[0], static_cast<int32_t>(zeros[0])}, zero->dtype()});
}

std::vector<int64_t> integers_attribute(const Node& node, const std::string& key) {
  const auto it = node.attributes.find(key);
  if (it == node.attributes.end()) return {};
  const auto* values = std::get_if<std::vector<int64_t>>(&it->second);
  return values == nullptr ? std::vector<int64_t>{} : *values;
}

// The DequantizeLinear in blocks behind a weight input, a Transpose of a matrix between them or
// not.
struct Dequantizer {
  const Node* node = nullptr;
  bool transposed = false;
};
Dequantizer dequantizer_of(const Node& product, const NodeRewriter& out) {
  Dequantizer found{out.producer(out.current(product.input(1)))};
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
    if (rank < 3 || rank > 4) return fmt::format("the kernel has {} dims", rank - 2);
    layout = {shape[0], shape[1],
              codes.type().elements() / std::max<int64_t>(1, shape[0] * shape[1]), true};
  } else if (rank != 2) {
    return fmt::format("the weight has rank {}", rank);
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
    return fmt::format("its blocks hold {} codes, and LPBQ has 4 bits", name_of(codes.dtype()));
  }
  const std::string zero = dequantize.input(2);
  bool centered = codes.dtype() == DType::kInt4;
  if (!zero.empty()) {
    const Tensor* points = graph.constant(zero);
    if (points == nullptr) return std::string("its zero points are no constants");
    LAP_ASSIGN_OR_RETURN(centered, weights::are_centered(codes, *points));
  }
  if (!centered) return std::string("its blocks have zero points (asymmetric), and LPBQ has none");
  return std::string();
}

std::string reason_to_leave(const Tensor& scales, const weights::BlockSource& source,
                            const target::LpbqBlocks& blocks) {
  const weights::WeightLayout& layout = source.layout;
  if (scales.dtype() != DType::kFloat) {
    return fmt::format("its scales are {}", name_of(scales.dtype()));
  }
  if (source.block_size < blocks.smallest || source.block_size > blocks.largest) {
    return fmt::format("LPBQ takes blocks of {} to {}, these have {}", blocks.smallest,
                       blocks.largest, source.block_size);
  }
  if (!blocks.takes(source.block_size)) {
    return fmt::format("LPBQ takes blocks of {}, or of a multiple of {}, these have {}",
                       blocks.smallest, blocks.multiple, source.block_size);
  }
  if (layout.channels % source.block_size != 0) {
    return fmt::format("its last block is short: {} inputs in blocks of {}", layout.channels,
                       source.block_size);
  }
  if (layout.n % 2 != 0) return "it has an odd number of outputs";
  if (scales.type().elements() != layout.n * layout.inputs() / source.block_size) {
    return "its scales do not fit its codes";
  }
  return "";
}

// The values of a bias, float or dequantized. The reason against it is "" when it fits.
Result<std::string> read_bias(const Node& node, const NodeRewriter& out, int64_t n, float factor,
                              std::vector<float>& bias) {
  const std::string value = out.current(node.input(2));
  if (value.empty()) return std::string();
  const Node* producer = out.producer(value);
  const bool dequantized = producer != nullptr && producer->qualified_op() == "DequantizeLinear";
  const std::string& held = dequantized ? producer->inputs[0] : value;
  const Tensor* tensor = out.graph().constant(held);
  if (tensor == nullptr) return std::string("its bias is no constant");
  const int64_t count = tensor->type().elements();
  if (count != 1 && (count != n || tensor->shape().back() != n)) {
    return "its bias has shape " + tensor::to_string(tensor->shape());
  }
  std::vector<float> values;
  if (!dequantized) {
    if (!is_float(tensor->dtype())) return std::string("its bias is no float tensor");
    LAP_ASSIGN_OR_RETURN(values, named(tensor->to_floats(), held));
  } else {
    const Tensor* scale = out.graph().constant(producer->input(1));
    const Tensor* zero = out.graph().constant(producer->input(2));
    if (scale == nullptr || producer->int_attribute("block_size", 0) != 0) {
      return std::string("its bias is dequantized by what is no constant");
    }
    LAP_ASSIGN_OR_RETURN(const auto codes, named(tensor->to_integers(), held));
    LAP_ASSIGN_OR_RETURN(const auto scales, named(scale->to_floats(), producer->inputs[1]));
    std::vector<int64_t> zeros = {0};
    if (zero != nullptr) {
      LAP_ASSIGN_OR_RETURN(zeros, named(zero->to_integers(), producer->inputs[2]));
    }
    for (size_t i = 0; i < codes.size(); ++i) {
      const float one = scales[scales.size() == 1 ? 0 : i];
      const int64_t middle = zeros[zeros.size() == 1 ? 0 : i];
      values.push_back(static_cast<float>(codes[i] - middle) * one);
    }
  }
  if (values.size() == 1) values.assign(static_cast<size_t>(n), values[0]);
  for (float& each : values) each *= factor;
  if (std::any_of(values.begin(), values.end(), [](float b) { return b != 0; })) {
    bias = std::move(values);
  }
  return std::string();
}

Result<std::string> read_product(const Node& node, const NodeRewriter& out, const Readers& readers,
                                 BlockProduct& product) {
  const auto reason = [](const char* text) { return std::string(text); };
  const Node* x = out.producer(out.current(node.input(0)));
  if (x == nullptr || x->qualified_op() != "DequantizeLinear") {
    return reason("its input is no integer: LPBQ needs integer activations");
  }
  LAP_ASSIGN_OR_RETURN(const auto x_encoding, encoding(out.graph(), *x));
  if (!x_encoding) {
    return reason("its input is not dequantized by one constant scale and zero point");
  }
  LAP_ASSIGN_OR_RETURN(const auto y_encoding, readers.encoding_of(out.graph(), node.outputs[0]));
  if (!y_encoding) return reason("its result is not quantized: LPBQ needs integer activations");
  product.x = *x_encoding;
  product.y = *y_encoding;
  float bias_factor = 1;
  if (node.op_type == "Gemm") {
    if (node.int_attribute("transA", 0) != 0) {
      return reason("it takes its input transposed (transA)");
    }
    product.weight.factor = node.float_attribute("alpha", 1);
    bias_factor = node.float_attribute("beta", 1);
  }
  if (node.op_type == "MatMul") return reason("");
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

Result<std::optional<ValueEncoding>> Readers::encoding_of(const Graph& graph,
                                                          const std::string& value) const {
  const auto it = quantizers_.find(value);
  if (it == quantizers_.end() || it->second.size() != counts_.at(value)) {
    return std::optional<ValueEncoding>();
  }
  return encoding(graph, it->second.front());
}

Result<Found> block_product(const Node& node, const NodeRewriter& out, const Readers& readers,
                            const target::QuantizationTraits& traits) {
  const std::string op = node.qualified_op();
  if (op != "MatMul" && op != "Gemm" && op != "Conv") return Found();
  const Dequantizer found = dequantizer_of(node, out);
  if (found.node == nullptr) return Found();
  const auto left = [](std::string reason) {
    return Found(NotConverted{std::move(reason), false});
  };
  const Graph& graph = out.graph();
  const Tensor* codes = graph.constant(found.node->input(0));
  if (codes == nullptr) return left("its weight is no constant");
  const Tensor* scales = graph.constant(found.node->input(1));
  if (scales == nullptr) {
    const Node* scaler = out.producer(found.node->input(1));
    return left(scaler != nullptr && scaler->qualified_op() == "DequantizeLinear"
                    ? "its weight is LPBQ already"
                    : "its scales are no constants");
  }
  if (!traits.lpbq) return Found(NotConverted{traits.target + " takes no LPBQ", true});
  LAP_ASSIGN_OR_RETURN(std::string refusal, reason_to_refuse(graph, *found.node, *codes));
  if (!refusal.empty()) return Found(NotConverted{std::move(refusal), true});
  BlockProduct product;
  product.weight = {*codes, *scales, {}, found.node->int_attribute("block_size", 0), 1};
  product.name = found.node->inputs[0];
  std::string reason = read_layout(node, found.transposed, *codes,
                                   found.node->int_attribute("axis", 1), product.weight.layout);
  if (reason.empty()) reason = reason_to_leave(*scales, product.weight, *traits.lpbq);
  if (reason.empty()) {
    LAP_ASSIGN_OR_RETURN(reason, read_product(node, out, readers, product));
  }
  if (!reason.empty()) return left(std::move(reason));
  return Found(std::move(product));
}

}  // namespace lapidary::passes
