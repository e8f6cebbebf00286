#include "passes/split_model/decoder_layers.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <set>
#include <string_view>

#include "passes/static_quantization/encoding_groups.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

constexpr int64_t kSmallConstant = 1 << 16;  // bytes
constexpr int64_t kMostLayers = 100000;

std::optional<int64_t> layer_in(std::string_view name) {
  constexpr std::string_view kWord = "layers";
  for (size_t at = name.find(kWord); at != name.npos; at = name.find(kWord, at + 1)) {
    const size_t digits = at + kWord.size() + 1;
    const bool whole = at == 0 || std::isalnum(static_cast<unsigned char>(name[at - 1])) == 0;
    if (!whole || digits >= name.size() || (name[digits - 1] != '.' && name[digits - 1] != '/')) {
      continue;
    }
    int64_t layer = 0;
    const auto [end, error] =
        std::from_chars(name.data() + digits, name.data() + name.size(), layer);
    const bool ends = end == name.data() + name.size() || *end == '.' || *end == '/';
    if (error == std::errc() && ends && layer >= 0 && layer < kMostLayers) return layer;
  }
  return std::nullopt;
}

// Moves, casts or encodes: computes nothing that a reader could not do over again.
bool is_passive(const Node& node) {
  static const std::set<std::string> kCodes = {"QuantizeLinear", "DequantizeLinear", "Cast"};
  return moves_data(node) || (node.domain.empty() && kCodes.contains(node.op_type));
}

// What a value depends on.
struct Origin {
  bool constant = true;  // initializers alone
  bool inputs = true;    // these and inputs of the graph
  bool ports = true;     // these and outputs of the graph
};

class Placing {
 public:
  Placing(const Graph& graph, int64_t last) : graph_(graph), last_(last) {
    for (const auto& input : graph.inputs) origins_[input.name] = {false, true, true};
  }

  std::vector<NodePlace> run() {
    std::vector<NodePlace> out;
    for (const Node& node : graph_.nodes) out.push_back(place(node));
    return out;
  }

 private:
  NodePlace place(const Node& node) {
    Origin origin;
    int64_t above = -1;  // the highest layer it reads from
    bool small = true;
    for (const std::string& input : node.inputs) {
      if (const auto it = origins_.find(input); it != origins_.end()) {
        origin.constant = origin.constant && it->second.constant;
        origin.inputs = origin.inputs && it->second.inputs;
        origin.ports = origin.ports && it->second.ports;
      }
      if (const auto it = layers_.find(input); it != layers_.end()) {
        above = std::max(above, it->second);
      }
      const auto* constant = graph_.constant(input);
      small = small && (constant == nullptr || constant->type().bytes() <= kSmallConstant);
    }
    const std::optional<int64_t> own = layer_named_by(node);
    const bool passive = is_passive(node);
    int64_t layer = std::max(above, own.value_or(-1));
    if (!own && !passive && above == last_) layer = last_ + 1;

    const bool free =
        origin.constant || (passive && small && origin.ports) || (!own && small && origin.inputs);
    if (!free) layer = std::max<int64_t>(layer, 0);
    // What is repeated does not hold its readers back.
    note_outputs(node, free ? origin : Origin{false, false, false}, free ? above : layer);
    return {std::max<int64_t>(layer, 0), free || node.op_type == "DequantizeLinear"};
  }

  void note_outputs(const Node& node, Origin origin, int64_t layer) {
    for (const std::string& output : node.outputs) {
      origins_[output] = origin;
      if (graph_.is_output(output)) origins_[output].ports = true;
      if (layer >= 0) layers_[output] = layer;
    }
  }

  const Graph& graph_;
  const int64_t last_;
  std::map<std::string, Origin> origins_;
  std::map<std::string, int64_t> layers_;  // of values
};

}  // namespace

std::optional<int64_t> layer_named_by(const Node& node) {
  if (!node.name.empty()) return layer_in(node.name);
  return node.outputs.empty() ? std::nullopt : layer_in(node.outputs[0]);
}

std::optional<int64_t> last_layer(const Graph& graph) {
  std::optional<int64_t> last;
  for (const Node& node : graph.nodes) last = std::max(last, layer_named_by(node));
  return last;
}

std::vector<NodePlace> place_nodes(const Graph& graph, int64_t last) {
  return Placing(graph, last).run();
}

}  // namespace lapidary::passes
