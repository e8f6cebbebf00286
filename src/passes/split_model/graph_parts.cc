#include "passes/split_model/graph_parts.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/dtype.h"
#include "base/json.h"
#include "contract/notes.h"
#include "graph/dtype_inference.h"
#include "graph/fixed_shapes.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Tensor;

namespace notes = contract::notes;

// What a part is made of, by index and name.
struct Contents {
  std::set<size_t> nodes;
  std::set<std::string> inputs;     // of the whole graph
  std::set<std::string> constants;  // initializers
  std::set<std::string> arriving;   // from earlier parts
  std::set<std::string> leaving;    // for later parts
};

Result<int64_t> read_integer(const Tensor& tensor) {
  LAP_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, tensor.materialize());
  const auto as = [&]<typename T>(T value) {
    std::memcpy(&value, bytes.data(), sizeof(T));
    return static_cast<int64_t>(value);
  };
  switch (tensor.dtype()) {
    case DType::kUint8:
      return as(uint8_t{});
    case DType::kInt8:
      return as(int8_t{});
    case DType::kUint16:
      return as(uint16_t{});
    case DType::kInt16:
      return as(int16_t{});
    default:
      return internal_error("SplitModel",
                            fmt::format("a zero point of dtype {}", name_of(tensor.dtype())));
  }
}

class Cutting {
 public:
  Cutting(const Graph& graph, const std::vector<NodePlace>& places, const Cuts& cuts)
      : graph_(graph), places_(places), cuts_(cuts), contents_(cuts.size()) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const std::string& output : graph.nodes[i].outputs) producers_[output] = i;
    }
  }

  Result<std::vector<std::optional<Graph>>> run() {
    LAP_ASSIGN_OR_RETURN(shapes_, graph::infer_shapes(graph_));
    LAP_ASSIGN_OR_RETURN(dtypes_, graph::infer_dtypes(graph_));
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!places_[i].repeated) take_node(part_of(i), i);
    }
    for (const auto& output : graph_.outputs) {
      const auto producer = producers_.find(output.name);
      const size_t part = producer == producers_.end() ? 0 : part_of(producer->second);
      if (producer != producers_.end()) take_node(part, producer->second);
      output_parts_.push_back(part);
    }
    std::vector<std::optional<Graph>> out;
    for (size_t part = 0; part < contents_.size(); ++part) {
      if (contents_[part].nodes.empty()) {
        out.emplace_back();
        continue;
      }
      LAP_ASSIGN_OR_RETURN(Graph made, make(part));
      out.emplace_back(std::move(made));
    }
    return out;
  }

 private:
  size_t part_of(size_t node) const {
    const auto after = std::upper_bound(cuts_.begin(), cuts_.end(), places_[node].layer);
    return static_cast<size_t>(after - cuts_.begin()) - 1;
  }

  // The node and all that it reads become contents of the part, or arrive there. Iterative: chains
  // of repeated nodes may be long.
  void take_node(size_t part, size_t node) {
    std::vector<size_t> open = {node};
    while (!open.empty()) {
      const size_t i = open.back();
      open.pop_back();
      if (!contents_[part].nodes.insert(i).second) continue;
      for (const std::string& input : graph_.nodes[i].reads()) {
        if (const auto next = take_value(part, input)) open.push_back(*next);
      }
    }
  }

  // The node that must be taken as well to have the value.
  std::optional<size_t> take_value(size_t part, const std::string& value) {
    Contents& own = contents_[part];
    if (graph_.initializers.contains(value)) own.constants.insert(value);
    if (graph_.is_input(value)) own.inputs.insert(value);
    const auto producer = producers_.find(value);
    if (producer == producers_.end()) return std::nullopt;
    const size_t home = part_of(producer->second);
    if (home == part || places_[producer->second].repeated) return producer->second;
    own.arriving.insert(value);
    contents_[home].leaving.insert(value);
    return std::nullopt;
  }

  Result<Graph> make(size_t part) const {
    const Contents& own = contents_[part];
    Graph out{graph_.name, graph_.opsets, {}, {}, {}, {}, {}};
    out.ir_version = graph_.ir_version;
    for (const auto& input : graph_.inputs) {
      if (own.inputs.contains(input.name)) out.inputs.push_back(input);
    }
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      if (output_parts_[i] == part) out.outputs.push_back(graph_.outputs[i]);
    }
    for (const size_t i : own.nodes) out.nodes.push_back(graph_.nodes[i]);
    for (const std::string& name : own.constants) {
      out.initializers[name] = graph_.initializers.at(name);
    }
    add_metadata(out);
    for (const Node& node : graph_.nodes) {
      for (const std::string& value : node.outputs) {
        if (own.arriving.contains(value)) LAP_RETURN_IF_ERROR(add_port(value, out, out.inputs));
        if (own.leaving.contains(value) && !out.is_output(value)) {
          LAP_RETURN_IF_ERROR(add_port(value, out, out.outputs));
        }
      }
    }
    return out;
  }

  // All that the part has a name for.
  void add_metadata(Graph& out) const {
    for (const auto& [key, value] : graph_.metadata) {
      const auto port = notes::name_in(key, notes::kEncoding);
      const auto constant = notes::name_in(key, notes::kQuantization);
      if (port && !out.is_input(*port) && !out.is_output(*port)) continue;
      if (constant && !out.initializers.contains(*constant)) continue;
      out.metadata[key] = value;
    }
  }

  Status add_port(const std::string& value, Graph& out,
                  std::vector<graph::ValueInfo>& ports) const {
    const auto& shape = shapes_.shapes.at(value);
    ports.push_back({value, dtypes_.at(value), {shape.begin(), shape.end()}});
    const std::string key = notes::encoding(value);
    if (const auto known = graph_.metadata.find(key); known != graph_.metadata.end()) {
      out.metadata[key] = known->second;
      return {};
    }
    const Node& producer = graph_.nodes[producers_.at(value)];
    if (producer.qualified_op() != "QuantizeLinear" || producer.inputs.size() < 3) return {};
    const Tensor* scale = graph_.constant(producer.inputs[1]);
    const Tensor* zero_point = graph_.constant(producer.inputs[2]);
    if (scale == nullptr || zero_point == nullptr || scale->dtype() != DType::kFloat ||
        scale->type().elements() != 1 || zero_point->type().elements() != 1) {
      return {};
    }
    LAP_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, scale->materialize());
    float number = 0;
    std::memcpy(&number, bytes.data(), sizeof(number));
    LAP_ASSIGN_OR_RETURN(const int64_t zero, read_integer(*zero_point));
    out.metadata[key] = Json{
        {"dtype", name_of(zero_point->dtype())},
        {"scale", static_cast<double>(number)},
        {"zero_point",
         zero}}.dump();
    return {};
  }

  const Graph& graph_;
  const std::vector<NodePlace>& places_;
  const Cuts& cuts_;
  std::vector<Contents> contents_;
  std::vector<size_t> output_parts_;
  std::map<std::string, size_t> producers_;
  graph::FixedShapes shapes_;
  graph::DTypes dtypes_;
};

}  // namespace

Result<std::vector<std::optional<Graph>>> cut_graph(const Graph& graph,
                                                    const std::vector<NodePlace>& places,
                                                    const Cuts& cuts) {
  return Cutting(graph, places, cuts).run();
}

int64_t constant_bytes(const Graph& graph) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : graph.initializers) bytes += tensor.type().bytes();
  return bytes;
}

}  // namespace lapidary::passes
