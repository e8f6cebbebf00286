#include "passes/lpbq/block_quant_to_lpbq.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/glob.h"
#include "contract/notes.h"
#include "graph/fixed_shapes.h"
#include "passes/lpbq/block_product.h"
#include "passes/lpbq/conv_as_product.h"
#include "passes/rewrite/node_rewriter.h"
#include "tensor/expressions.h"
#include "weights/affine.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Tensor;

// Zeros of any size without memory.
class Zeros final : public tensor::Producer {
 public:
  explicit Zeros(tensor::TensorType type) : Producer(std::move(type)) {}

  Status read_tiles(int64_t /*begin*/, int64_t /*end*/,
                    std::span<const std::span<std::byte>> outs) const override {
    std::fill(outs[0].begin(), outs[0].end(), std::byte{0});
    return {};
  }
  std::string describe() const override {
    return fmt::format("zeros<{}>{}", name_of(outputs()[0].dtype),
                       tensor::to_string(outputs()[0].shape));
  }
};

Tensor zeros(DType dtype, tensor::Shape shape) {
  return Tensor(std::make_shared<Zeros>(tensor::TensorType{dtype, std::move(shape)}));
}

class BlockProducts {
 public:
  BlockProducts(Graph graph, const BlockQuantToLpbqOptions& options,
                const target::QuantizationTraits& traits)
      : options_(options),
        traits_(traits),
        readers_(graph),
        source_(graph),
        out_(std::move(graph)) {}

  Result<PassOutcome> run() {
    for (Node& node : out_.take_nodes()) {
      LAP_ASSIGN_OR_RETURN(auto found, block_product(node, out_, readers_, traits_));
      if (found && excluded(node)) found = NotConverted{"excluded by the options", false};
      if (found && std::holds_alternative<BlockProduct>(*found)) {
        LAP_ASSIGN_OR_RETURN(const std::string reason,
                             convert(node, std::get<BlockProduct>(*found)));
        if (reason.empty()) {
          ++outcome_.rewritten;
          continue;
        }
        found = NotConverted{reason, false};
      }
      if (found) LAP_RETURN_IF_ERROR(decline(node, std::get<NotConverted>(*found)));
      out_.keep(std::move(node));
    }
    outcome_.graph = std::move(out_).finish();
    return std::move(outcome_);
  }

 private:
  // Of a weight: its codes, its scales, and how both are read.
  using Key = std::tuple<std::string, const tensor::Producer*, size_t, int64_t, bool, float>;

  bool excluded(const Node& node) const {
    return std::any_of(options_.nodes_to_exclude.begin(), options_.nodes_to_exclude.end(),
                       [&](const std::string& pattern) { return glob_match(pattern, node.name); });
  }

  Status decline(const Node& node, const NotConverted& why) {
    if (why.refused && !options_.leave_unsupported) {
      return unsupported(node.name, why.reason,
                         "quantize it in symmetric blocks of 4 bits, exclude it "
                         "(nodes_to_exclude), or leave what cannot be converted "
                         "(on_unsupported=leave)");
    }
    outcome_.declined.push_back({node.name, why.reason, why.refused});
    return {};
  }

  // Shapes of the graph that came, as far as they are fixed and known.
  const graph::FixedShapes* shapes() {
    if (!shapes_) shapes_ = graph::known_shapes(source_);
    return &*shapes_;
  }

  // Emits the product in the node's place, or returns the reason why it cannot.
  Result<std::string> convert(Node& node, const BlockProduct& product) {
    if (node.op_type == "MatMul") {
      node.inputs[1] = weight_value(product);
      out_.keep(std::move(node));
      return std::string();
    }
    const std::string at = NodeRewriter::under(node);
    if (node.op_type == "Gemm") {
      LAP_RETURN_IF_ERROR(
          emit_product(at, out_.current(node.inputs[0]), product, node.outputs[0], std::nullopt));
      return std::string();
    }
    const tensor::Shape& weight = product.weight.codes.shape();
    const auto window = conv_window(node, weight, shapes());
    if (const auto* reason = std::get_if<std::string>(&window)) return *reason;
    const std::string x = emit_windows(out_, at, out_.current(node.inputs[0]),
                                       std::get<ConvWindow>(window), product.x);
    LAP_RETURN_IF_ERROR(emit_product(at, x, product, node.outputs[0], weight.size() - 2));
    return std::string();
  }

  // `spatial`: dims of a convolution's result, whose channels move to the front.
  Status emit_product(const std::string& at, const std::string& x, const BlockProduct& product,
                      const std::string& result, std::optional<size_t> spatial) {
    std::string y = out_.op("MatMul", {x, weight_value(product)}, at);
    if (!product.bias.empty()) {
      LAP_ASSIGN_OR_RETURN(const ValueEncoding before, before_bias(product));
      LAP_ASSIGN_OR_RETURN(const std::string bias, bias_value(product));
      y = emit_requantized(out_, at, y, before);
      y = out_.op("Add", {y, bias}, at);
    }
    if (spatial)
      y = emit_channels_first(out_, at, emit_requantized(out_, at, y, product.y), *spatial);
    out_.replace(result, y);
    return {};
  }

  // Of the product, such that product + bias covers what the result can be.
  Result<ValueEncoding> before_bias(const BlockProduct& product) {
    const quant::CodeRange codes = quant::codes_of(product.y.type, false);
    const quant::Affine& y = product.y.affine;
    const auto [least, most] = std::minmax_element(product.bias.begin(), product.bias.end());
    const quant::Range range{static_cast<float>(codes.min - y.zero_point) * y.scale - *most,
                             static_cast<float>(codes.max - y.zero_point) * y.scale - *least};
    return encoding_named(product.name + "_product", range, product.y.type);
  }

  Result<std::string> bias_value(const BlockProduct& product) {
    const auto [least, most] = std::minmax_element(product.bias.begin(), product.bias.end());
    LAP_ASSIGN_OR_RETURN(const ValueEncoding encoding,
                         encoding_named(product.name + "_bias", {*least, *most}, product.y.type));
    const Tensor bias = tensor::floats({static_cast<int64_t>(product.bias.size())}, product.bias);
    const std::string codes =
        out_.add_constant(product.name + "_bias",
                          weights::quantize_tensor(bias, encoding.affine, encoding.type).codes);
    return out_.op("DequantizeLinear", {codes, encoding.scale, encoding.zero_point},
                   product.name + "_bias");
  }

  Result<ValueEncoding> encoding_named(const std::string& name, const quant::Range& range,
                                       DType type) {
    auto affine = quant::affine_of(range, type, is_signed(type));
    if (!affine.ok()) {
      Error error = affine.take_error();
      error.where = fmt::format("value '{}', {}", name, error.where);
      return error;
    }
    return ValueEncoding{
        out_.add_constant(name + "_scale", weights::scale_tensor(*affine)),
        out_.add_constant(name + "_zero_point", weights::zero_point_tensor(*affine, type)), *affine,
        type};
  }

  // The value of the weight; made once for nodes that share it.
  std::string weight_value(const BlockProduct& product) {
    const weights::BlockSource& source = product.weight;
    const Key key = {product.name,      source.scales.producer().get(), source.scales.output(),
                     source.block_size, source.layout.by_output,        source.factor};
    if (const auto it = made_.find(key); it != made_.end()) return it->second;
    const weights::LpbqWeight weight = weights::lpbq_weight(product.weight);
    const std::string& base = product.name;
    const std::string format = fmt::format("LPBQ int4, block {}", product.weight.block_size);
    const auto add = [&](const char* what, const Tensor& tensor) {
      std::string name = out_.add_constant(base + what, tensor);
      out_.graph().metadata[contract::notes::quantization(name)] = format;
      return name;
    };
    const tensor::Shape blocks = weight.block_scales.shape();
    const std::string scale = out_.op("DequantizeLinear",
                                      {add("_lpbq_block_scale", weight.block_scales),
                                       add("_lpbq_channel_scale", weight.channel_scales),
                                       out_.add_constant(base + "_lpbq_block_scale_zero_point",
                                                         zeros(DType::kUint8, {blocks[1]}))},
                                      base + "_scale", {{"axis", int64_t{1}}});
    std::string value =
        out_.op("DequantizeLinear",
                {add("_lpbq", weight.codes), scale,
                 out_.add_constant(base + "_lpbq_zero_point", zeros(DType::kInt4, blocks))},
                base, {{"axis", int64_t{0}}, {"block_size", product.weight.block_size}});
    out_.graph().metadata.erase(contract::notes::quantization(base));
    made_.emplace(key, value);
    return value;
  }

  const BlockQuantToLpbqOptions& options_;
  const target::QuantizationTraits& traits_;
  Readers readers_;
  Graph source_;
  NodeRewriter out_;
  PassOutcome outcome_;
  std::optional<graph::FixedShapes> shapes_;
  std::map<Key, std::string> made_;
};

}  // namespace

Result<PassOutcome> block_quant_to_lpbq(Graph graph, const BlockQuantToLpbqOptions& options,
                                        const target::QuantizationTraits& traits) {
  return BlockProducts(std::move(graph), options, traits).run();
}

BoundPass bind_block_quant_to_lpbq(JsonReader& reader) {
  BlockQuantToLpbqOptions options;
  options.nodes_to_exclude = reader.strings("nodes_to_exclude");
  const std::string choice = reader.string_or("on_unsupported", "refuse");
  if (choice != "refuse" && choice != "leave") {
    reader.fail("on_unsupported", fmt::format("'{}' is no choice", choice), "use refuse or leave");
  }
  options.leave_unsupported = choice == "leave";
  reader.reject_unknown();
  Json json = {{"on_unsupported", choice}, {"nodes_to_exclude", options.nodes_to_exclude}};
  return per_graph_of_target("BlockQuantToLpbq", std::move(json),
                             [options](Graph graph, const target::QuantizationTraits& traits) {
                               return block_quant_to_lpbq(std::move(graph), options, traits);
                             });
}

}  // namespace lapidary::passes
