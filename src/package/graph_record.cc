#include "package/graph_record.h"

#include "contract/notes.h"

namespace lapidary::package {
namespace {

namespace notes = contract::notes;

std::optional<PortEncoding> encoding_of(const graph::Graph& graph, const std::string& port) {
  const auto note = graph.metadata.find(notes::encoding(port));
  if (note == graph.metadata.end()) return std::nullopt;
  const Json json = Json::parse(note->second, nullptr, false);
  if (!json.is_object() || !json.contains("scale") || !json["scale"].is_number()) {
    return std::nullopt;
  }
  const auto zero_point =
      json.contains("zero_point") ? integer_of(json["zero_point"]) : std::nullopt;
  if (!zero_point) return std::nullopt;
  return PortEncoding{json["scale"].get<double>(), *zero_point};
}

Port port_of(const graph::Graph& graph, const graph::ValueInfo& value) {
  Port out;
  out.name = value.name;
  out.dtype = name_of(value.dtype);
  for (const graph::Dim& dim : value.shape) {
    const auto* number = std::get_if<int64_t>(&dim);
    out.shape.push_back(number ? std::to_string(*number) : std::get<std::string>(dim));
  }
  out.optional = graph.initializers.contains(value.name);
  out.encoding = encoding_of(graph, value.name);
  return out;
}

}  // namespace

GraphRecord take_graph_record(graph::Graph& graph, std::string file) {
  GraphRecord out;
  out.name = graph.name;
  out.file = std::move(file);
  for (const graph::ValueInfo& input : graph.inputs) out.inputs.push_back(port_of(graph, input));
  for (const graph::ValueInfo& output : graph.outputs) {
    out.outputs.push_back(port_of(graph, output));
  }
  for (const graph::Node& node : graph.nodes) ++out.ops[node.qualified_op()];
  for (const auto& [name, tensor] : graph.initializers) {
    if (graph.is_input(name)) continue;  // the default of an optional input, no weight
    TensorRecord record{name, std::string(name_of(tensor.dtype())), tensor.shape(), tensor.bytes(),
                        ""};
    if (const auto it = graph.metadata.find(notes::quantization(name));
        it != graph.metadata.end()) {
      record.quantization = it->second;
    }
    out.tensors.push_back(std::move(record));
  }
  std::erase_if(graph.metadata, [](const auto& entry) {
    return entry.first.starts_with(notes::kQuantization) ||
           entry.first.starts_with(notes::kEncoding);
  });
  return out;
}

}  // namespace lapidary::package
