#include "probe/unit_models.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <string_view>

#include "probe/reference_run.h"

namespace lapidary::probe {
namespace {

using graph::Graph;
using graph::Node;

// The values that codes can tell.
struct Span {
  double low = 0;
  double high = 0;
};

// Scale and zero point of a node that has one of each, as node inputs.
struct Encoding {
  double scale = 1;
  double zero_point = 0;
};

std::optional<Encoding> encoding_of(const Graph& graph, const Node& node) {
  const tensor::Tensor* scale = graph.constant(node.inputs[1]);
  if (scale == nullptr || scale->type().elements() != 1) return std::nullopt;
  const auto scales = scale->to_floats();
  if (!scales.ok()) return std::nullopt;
  Encoding out{static_cast<double>(scales->front()), 0};
  if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
    const tensor::Tensor* zero = graph.constant(node.inputs[2]);
    if (zero == nullptr) return std::nullopt;
    const auto zeros = zero->to_integers();
    if (!zeros.ok()) return std::nullopt;
    out.zero_point = static_cast<double>(zeros->front());
  }
  return out;
}

bool is_code(DType dtype) {
  return dtype == DType::kUint8 || dtype == DType::kInt8 || dtype == DType::kUint16 ||
         dtype == DType::kInt16;
}

Span span_of(const Encoding& encoding, DType code) {
  const bool is_signed = code == DType::kInt8 || code == DType::kInt16;
  const double codes = std::exp2(bits_of(code));
  const double lowest = is_signed ? -codes / 2 : 0;
  return {(lowest - encoding.zero_point) * encoding.scale,
          (lowest + codes - 1 - encoding.zero_point) * encoding.scale};
}

// The member that reads (or writes) the codes, when it has one encoding for all of them.
const Node* converter_of(const Graph& graph, const NodeUnit& unit, const std::string& value,
                         bool input) {
  for (const size_t member : unit.members) {
    const Node& node = graph.nodes[member];
    const bool converts = node.op_type == (input ? "DequantizeLinear" : "QuantizeLinear");
    if (converts && (input ? node.inputs[0] : node.outputs[0]) == value) return &node;
  }
  return nullptr;
}

Node converting(const Node& like, const char* op, const std::string& from, const std::string& to,
                DType code) {
  Node node{"", op, like.name + ":" + op, like.inputs, {to}, {}};
  node.inputs[0] = from;
  if (node.inputs.size() < 3 && std::string_view(op) == "QuantizeLinear") {
    node.attributes["output_dtype"] = static_cast<int64_t>(code);
  }
  return node;
}

// Moves the codes of `ports` inside the graph. Returns the spans of the floats that stand there
// now, by name.
std::map<std::string, Span> float_ports(const Graph& graph, const NodeUnit& unit, Graph& out) {
  std::map<std::string, Span> spans;
  for (graph::ValueInfo& input : out.inputs) {
    const Node* reader = converter_of(graph, unit, input.name, true);
    if (!is_code(input.dtype) || reader == nullptr) continue;
    const auto encoding = encoding_of(graph, *reader);
    if (!encoding) continue;
    const std::string codes = input.name;
    input.name += ":float";
    out.nodes.insert(out.nodes.begin(),
                     converting(*reader, "QuantizeLinear", input.name, codes, input.dtype));
    spans[input.name] = span_of(*encoding, input.dtype);
    input.dtype = DType::kFloat;
  }
  for (graph::ValueInfo& output : out.outputs) {
    const Node* writer = converter_of(graph, unit, output.name, false);
    if (!is_code(output.dtype) || writer == nullptr || !encoding_of(graph, *writer)) continue;
    const std::string codes = output.name;
    output.name += ":float";
    out.nodes.push_back(converting(*writer, "DequantizeLinear", codes, output.name, output.dtype));
    output.dtype = DType::kFloat;
  }
  return spans;
}

void spread(ort::HostTensor& tensor, const Span& span, std::mt19937& random) {
  const double middle = (span.low + span.high) / 2;
  const double sigma = (span.high - span.low) / 8;
  for (size_t i = 0; i < tensor.data.size() / sizeof(float); ++i) {
    const double value = middle + sigma * static_cast<double>(gaussian(random));
    const auto kept = static_cast<float>(std::clamp(value, span.low, span.high));
    std::memcpy(tensor.data.data() + i * sizeof(float), &kept, sizeof(float));
  }
}

void make_positive(ort::HostTensor& tensor) {
  for (size_t i = 0; i < tensor.data.size() / sizeof(float); ++i) {
    float value = 0;
    std::memcpy(&value, tensor.data.data() + i * sizeof(float), sizeof(float));
    value = std::abs(value) + 0.1F;
    std::memcpy(tensor.data.data() + i * sizeof(float), &value, sizeof(float));
  }
}

bool wants_positive(const Node& node, const std::string& input) {
  const std::string& op = node.op_type;
  if (op == "Div") return node.inputs[1] == input;
  return op == "Log" || op == "Sqrt" || op == "Reciprocal" ||
         (op == "Pow" && node.inputs[0] == input);
}

bool has_8bit_activation(const NodeUnit& unit, const ValueTypes& types) {
  const auto narrow = [&types](const std::string& name) {
    const DType dtype = types.at(name).dtype;
    return dtype == DType::kUint8 || dtype == DType::kInt8;
  };
  return std::any_of(unit.inputs.begin(), unit.inputs.end(), narrow) ||
         std::any_of(unit.outputs.begin(), unit.outputs.end(), narrow);
}

// Puts `prefix` before each name that is not "".
void rename(const std::string& prefix, std::vector<std::string>& names) {
  for (std::string& name : names) {
    if (!name.empty()) name.insert(0, prefix);
  }
}

}  // namespace

Result<UnitModel> unit_model(const Graph& graph, const NodeUnit& unit, const ValueTypes& types,
                             uint32_t seed) {
  UnitModel out{cut(graph, unit, types), {}, has_8bit_activation(unit, types)};
  for (const auto& [name, constant] : out.graph.initializers) {
    out.constant_bytes += constant.type().bytes();
  }
  const std::map<std::string, Span> spans = float_ports(graph, unit, out.graph);
  LAP_ASSIGN_OR_RETURN(out.inputs, seeded_inputs(out.graph, seed));
  std::mt19937 random(seed + 1);
  for (ort::HostTensor& input : out.inputs) {
    if (const auto span = spans.find(input.name); span != spans.end()) {
      spread(input, span->second, random);
    } else if (input.type == DType::kFloat && wants_positive(graph.nodes[unit.node], input.name)) {
      make_positive(input);
    }
  }
  return out;
}

UnitModel joined(std::span<const UnitModel> units) {
  UnitModel out;
  out.graph.name = "nodes";
  out.graph.opsets = units.front().graph.opsets;
  for (size_t i = 0; i < units.size(); ++i) {
    const std::string prefix = fmt::format("{}:", i);
    const Graph& graph = units[i].graph;
    for (const auto& [from, to] :
         {std::pair(&graph.inputs, &out.graph.inputs), {&graph.outputs, &out.graph.outputs}}) {
      for (graph::ValueInfo port : *from) {
        port.name.insert(0, prefix);
        to->push_back(std::move(port));
      }
    }
    for (const auto& [name, constant] : graph.initializers) {
      out.graph.initializers[prefix + name] = constant;
    }
    for (Node node : graph.nodes) {
      node.name.insert(0, prefix);
      rename(prefix, node.inputs);
      rename(prefix, node.outputs);
      out.graph.nodes.push_back(std::move(node));
    }
    for (ort::HostTensor input : units[i].inputs) {
      input.name.insert(0, prefix);
      out.inputs.push_back(std::move(input));
    }
    out.constant_bytes += units[i].constant_bytes;
  }
  return out;
}

}  // namespace lapidary::probe
