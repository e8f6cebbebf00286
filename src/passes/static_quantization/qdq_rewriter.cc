#include "passes/static_quantization/qdq_rewriter.h"

#include <algorithm>
#include <utility>

#include "contract/notes.h"
#include "graph/fresh_names.h"
#include "passes/static_quantization/channel_format.h"
#include "passes/static_quantization/saturation.h"
#include "weights/error_aware.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Tensor;

bool differs_in_sign(DType type, DType wanted) {
  return type != wanted && bits_of(type) == bits_of(wanted);
}

// The same scale, and zero point and codes moved by half of the range: no number changes.
quant::Affine with_signedness_of(DType wanted, quant::Affine affine, DType type) {
  affine.zero_point += quant::codes_of(wanted, false).min - quant::codes_of(type, false).min;
  return affine;
}

// A value that a node makes.
struct Made {
  std::string value;
  std::string raw;       // its name before it is encoded
  bool convert = false;  // the node computes with integers of the other sign
};

class Rewriter {
 public:
  Rewriter(Graph graph, QuantizationPlan plan, std::vector<Encoding> encodings,
           const WeightFactors& factors, const StaticQuantizationOptions& options,
           const target::QuantizationTraits& traits)
      : names_(graph),
        graph_(std::move(graph)),
        plan_(std::move(plan)),
        encodings_(std::move(encodings)),
        factors_(factors),
        options_(options),
        traits_(traits) {}

  PassOutcome run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    find_values_to_encode(nodes);
    for (graph::ValueInfo& input : graph_.inputs) encode_input(input);
    for (Node& node : nodes) rewrite(std::move(node));
    PassOutcome out{std::move(graph_), rewritten_, std::move(plan_.declined)};
    graph::remove_unused(out.graph);
    return out;
  }

 private:
  bool is_selected(const Node& node) const { return plan_.selected.contains(node.name); }
  bool is_integer_port(const std::string& value) const {
    return matches_any(options_.quantized_io, value);
  }

  // Values that a selected node makes or reads, and integer ports.
  void find_values_to_encode(const std::vector<Node>& nodes) {
    const auto want = [&](const std::string& value) {
      if (plan_.group_of.contains(value)) encoded_.insert(value);
    };
    for (const Node& node : nodes) {
      for (const auto& [key, body] : node.opaque) {
        captured_.insert(body.captures.begin(), body.captures.end());
      }
      if (!is_selected(node)) continue;
      for (const size_t i : data_inputs(node)) want(node.inputs[i]);
      for (const std::string& value : node.outputs) want(value);
    }
    for (const graph::ValueInfo& port : graph_.outputs) {
      if (is_integer_port(port.name)) want(port.name);
    }
  }

  const std::string& group_name(size_t group) const { return encodings_[group].name; }

  // Names of scale and zero point, made when first asked for.
  std::pair<std::string, std::string> parameters(size_t group) {
    const auto [it, added] = parameters_.try_emplace(group);
    if (added) {
      const Encoding& e = encodings_[group];
      it->second = {add_constant(group_name(group) + "_scale", weights::scale_tensor(e.affine)),
                    add_constant(group_name(group) + "_zero_point",
                                 weights::zero_point_tensor(e.affine, e.type))};
    }
    return it->second;
  }

  // Those of the same real numbers as integers of the activations' type.
  std::pair<std::string, std::string> computing_parameters(size_t group) {
    std::string& zero_point = computing_zero_points_[group];
    if (zero_point.empty()) {
      const quant::Affine affine = with_signedness_of(
          options_.activation_type, encodings_[group].affine, encodings_[group].type);
      zero_point = add_constant(group_name(group) + computing_suffix() + "_zero_point",
                                weights::zero_point_tensor(affine, options_.activation_type));
    }
    return {parameters(group).first, zero_point};
  }
  std::string computing_suffix() const {
    return "_" + std::string(name_of(options_.activation_type));
  }

  // Whether the node makes or reads other integers than it computes with, on a target that wants
  // one type of them. What moves data does not compute, and constants are encoded for their
  // readers.
  bool needs_conversion(const Node& node, const std::string& value) const {
    const auto group = plan_.group_of.find(value);
    return traits_.one_integer_type && is_selected(node) && !moves_data(node) &&
           group != plan_.group_of.end() && graph_.constant(value) == nullptr &&
           differs_in_sign(encodings_[group->second].type, options_.activation_type);
  }

  // x -> x_uint16 -> x_uint16_dequantized, where the group's type is int16.
  std::string as_computed(const std::string& value, const std::string& from) {
    std::string& dequantized = converted_[value];
    if (!dequantized.empty()) return dequantized;
    const std::string codes = names_.fresh(value + computing_suffix());
    dequantized = names_.fresh(codes + "_dequantized");
    const auto parameters = computing_parameters(plan_.group_of.at(value));
    add_node("QuantizeLinear", codes, from, codes, parameters);
    add_node("DequantizeLinear", codes, codes, dequantized, parameters);
    return dequantized;
  }

  void add_node(const std::string& op, const std::string& name, const std::string& from,
                const std::string& to, const std::pair<std::string, std::string>& parameters) {
    graph_.nodes.push_back({"",
                            op,
                            names_.fresh(name + "/" + op),
                            {from, parameters.first, parameters.second},
                            {to},
                            {}});
  }
  std::string add_constant(const std::string& wanted, Tensor value) {
    std::string name = names_.fresh(wanted);
    graph_.initializers.emplace(name, std::move(value));
    return name;
  }
  void quantize(const std::string& value, const std::string& from, const std::string& to) {
    add_node("QuantizeLinear", value, from, to, parameters(plan_.group_of.at(value)));
  }
  void dequantize(const std::string& value, const std::string& from, const std::string& to) {
    add_node("DequantizeLinear", value, from, to, parameters(plan_.group_of.at(value)));
  }

  void note_port(graph::ValueInfo& port) {
    const Encoding& e = encodings_[plan_.group_of.at(port.name)];
    port.dtype = e.type;
    graph_.metadata[contract::notes::encoding(port.name)] = Json{
        {"dtype", name_of(e.type)},
        {"scale", static_cast<double>(e.affine.scale)},
        {"zero_point", e.affine.zero_point}}.dump();
  }

  void encode_input(graph::ValueInfo& input) {
    const std::string& name = input.name;
    if (!plan_.group_of.contains(name)) return;
    const std::string dequantized = names_.fresh(name + "_dequantized");
    if (is_integer_port(name)) {
      note_port(input);
      dequantize(name, name, dequantized);
      for_all_[name] = dequantized;
    } else if (encoded_.contains(name)) {
      const std::string quantized = names_.fresh(name + "_quantized");
      quantize(name, name, quantized);
      dequantize(name, quantized, dequantized);
      for_selected_[name] = dequantized;
    }
  }

  // Whether the encoding of its input does the work of a Clip or Relu.
  bool is_saturated(const Node& node) const {
    if (!traits_.clips_by_encoding || !is_selected(node) || graph_.is_output(node.outputs[0]) ||
        captured_.contains(node.outputs[0])) {
      return false;
    }
    const auto limits = limits_of(graph_, node);
    const auto group = plan_.group_of.find(node.inputs[0]);
    if (!limits || group == plan_.group_of.end() || !for_all_.contains(node.inputs[0])) {
      return false;
    }
    const Encoding& e = encodings_[group->second];
    return ends_within(e.affine, e.type, *limits);
  }

  // What is left of such a node: another encoding of the value, if that.
  void requantize(const Node& node) {
    const std::string& value = node.outputs[0];
    const std::string from = for_all_.at(node.inputs[0]);
    if (plan_.group_of.at(value) == plan_.group_of.at(node.inputs[0])) {
      for_all_[value] = from;
    } else {
      encode_output({value, from, needs_conversion(node, value)}, true);
    }
    ++rewritten_;
  }

  void rewrite(Node node) {
    if (is_saturated(node)) return requantize(node);
    const bool selected = is_selected(node);
    const std::vector<size_t> data = selected ? data_inputs(node) : std::vector<size_t>{};
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      std::string& input = node.inputs[i];
      const std::string value = input;
      if (const auto it = for_all_.find(input); it != for_all_.end()) {
        input = it->second;
      } else if (std::find(data.begin(), data.end(), i) != data.end()) {
        input = for_selected(node, i);
      }
      if (!traits_.takes_signed(node.qualified_op(), i) && needs_conversion(node, value)) {
        input = as_computed(value, input);
      }
    }
    if (selected) ++rewritten_;
    std::vector<Made> made;
    for (std::string& output : node.outputs) {
      if (!encoded_.contains(output)) continue;
      made.push_back({output, output, needs_conversion(node, output)});
      if (graph_.is_output(output) && (selected || is_integer_port(output))) {
        output = names_.fresh(output + "/computed");
        made.back().raw = output;
      }
    }
    graph_.nodes.push_back(std::move(node));
    for (const Made& each : made) encode_output(each, selected);
  }

  void encode_output(const Made& made, bool selected) {
    const auto& [value, raw, convert] = made;
    std::string quantized, dequantized;
    if (raw != value && is_integer_port(value)) {
      quantized = value;
      for (graph::ValueInfo& port : graph_.outputs) {
        if (port.name == value) note_port(port);
      }
    } else if (raw != value) {
      dequantized = value;
    }
    if (quantized.empty()) quantized = names_.fresh(value + "_quantized");
    if (dequantized.empty()) dequantized = names_.fresh(value + "_dequantized");
    quantize(value, convert ? as_computed(value, raw) : raw, quantized);
    dequantize(value, quantized, dequantized);
    (selected || quantized == value ? for_all_ : for_selected_)[value] = dequantized;
  }

  // What a selected node reads instead of input i.
  std::string for_selected(const Node& node, size_t i) {
    const std::string& value = node.inputs[i];
    if (const auto it = for_selected_.find(value); it != for_selected_.end()) return it->second;
    const Tensor* constant = graph_.constant(value);
    if (constant == nullptr || constant->dtype() != DType::kFloat) return value;
    if (i == 1 && plan_.channel_axis.contains(node.name)) return channel_weight(node, *constant);
    if (moves_data(node)) {
      for (const std::string& output : node.outputs) {
        if (const auto it = plan_.group_of.find(output); it != plan_.group_of.end()) {
          return tensor_weight(value, *constant, it->second);
        }
      }
    }
    return tensor_weight(value, *constant, plan_.group_of.at(value));
  }

  weights::AffineWeight encoded_weight(const std::string& name, const Tensor& weight,
                                       const ChannelFormat& format) const {
    const auto factors = factors_.of.find(name);
    if (format.error_aware() && factors != factors_.of.end()) {
      return weights::round_channels_error_aware(weight, format.type, factors->second);
    }
    return weights::quantize_channels(weight, format.axis, format.type, format.search);
  }

  std::string channel_weight(const Node& node, const Tensor& weight) {
    const ChannelFormat format =
        channel_format(node.name, plan_.channel_axis.at(node.name), options_);
    std::string& dequantized = channel_weights_[{node.inputs[1], format.suffix()}];
    if (!dequantized.empty()) return dequantized;
    const weights::AffineWeight w = encoded_weight(node.inputs[1], weight, format);
    const std::string codes = add_constant(node.inputs[1] + format.suffix(), w.codes);
    dequantized = names_.fresh(codes + "_dequantized");
    const std::string scale = add_constant(codes + "_scale", w.scale);
    const std::string zero_point = add_constant(codes + "_zero_point", w.zero_point);
    graph_.metadata[contract::notes::quantization(codes)] = format.describe();
    graph_.nodes.push_back({"",
                            "DequantizeLinear",
                            names_.fresh(codes + "/DequantizeLinear"),
                            {codes, scale, zero_point},
                            {dequantized},
                            {{"axis", static_cast<int64_t>(format.axis)}}});
    return dequantized;
  }

  std::string tensor_weight(const std::string& name, const Tensor& weight, size_t group) {
    std::string& dequantized = tensor_weights_[{name, group}];
    if (!dequantized.empty()) return dequantized;
    const Encoding& e = encodings_[group];
    const std::string of_group = name == group_name(group) ? "" : "_as_" + group_name(group);
    const std::string codes =
        add_constant(name + "_" + std::string(name_of(e.type)) + of_group,
                     weights::quantize_tensor(weight, e.affine, e.type).codes);
    dequantized = names_.fresh(codes + "_dequantized");
    graph_.metadata[contract::notes::quantization(codes)] =
        std::string(name_of(e.type)) + ", per tensor";
    add_node("DequantizeLinear", codes, codes, dequantized, parameters(group));
    return dequantized;
  }

  graph::FreshNames names_;
  Graph graph_;
  QuantizationPlan plan_;
  std::vector<Encoding> encodings_;
  const WeightFactors& factors_;
  const StaticQuantizationOptions& options_;
  const target::QuantizationTraits& traits_;
  int64_t rewritten_ = 0;
  std::set<std::string> encoded_;   // values that get a Quantize
  std::set<std::string> captured_;  // values that bodies read
  // Names of what was made so far: scale and zero point of a group, the zero point of its other
  // form, a value in that form, and dequantized constants by format and by group.
  std::map<size_t, std::pair<std::string, std::string>> parameters_;
  std::map<size_t, std::string> computing_zero_points_;
  std::map<std::string, std::string> converted_;
  std::map<std::pair<std::string, std::string>, std::string> channel_weights_;
  std::map<std::pair<std::string, size_t>, std::string> tensor_weights_;
  std::map<std::string, std::string> for_all_;       // value -> what every node reads instead
  std::map<std::string, std::string> for_selected_;  // value -> what selected nodes read instead
};

}  // namespace

PassOutcome insert_qdq(Graph graph, QuantizationPlan plan, std::vector<Encoding> encodings,
                       const WeightFactors& factors, const StaticQuantizationOptions& options,
                       const target::QuantizationTraits& traits) {
  return Rewriter(std::move(graph), std::move(plan), std::move(encodings), factors, options, traits)
      .run();
}

}  // namespace lapidary::passes
