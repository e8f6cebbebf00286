#include "graph/ir_version.h"

#include <algorithm>
#include <array>

namespace lapidary::graph {
namespace {

constexpr int64_t kMadeHere = 11;

struct Release {
  int64_t opset;  // the first
  int64_t ir_version;
};
constexpr std::array kReleases = {
    Release{28, 14}, Release{25, 13}, Release{24, 12}, Release{23, 11},
    Release{21, 10}, Release{19, 9},  Release{15, 8},  Release{12, 7},
    Release{11, 6},  Release{10, 5},  Release{9, 4},
};
constexpr int64_t kWithOpsets = 3;     // the first that imports opsets
constexpr int64_t kWithConstants = 4;  // the first where an initializer need not be an input
constexpr int64_t kWithFunctions = 8;
constexpr int64_t kWithFourBits = 10;

bool has_four_bits(DType dtype) { return dtype == DType::kInt4 || dtype == DType::kUint4; }

bool holds_four_bits(const Graph& graph) {
  const auto port = [](const ValueInfo& each) { return has_four_bits(each.dtype); };
  const auto attribute = [](const auto& entry) {
    const auto* value = std::get_if<Tensor>(&entry.second);
    return value != nullptr && has_four_bits(value->dtype());
  };
  return std::any_of(graph.inputs.begin(), graph.inputs.end(), port) ||
         std::any_of(graph.outputs.begin(), graph.outputs.end(), port) ||
         std::any_of(graph.initializers.begin(), graph.initializers.end(),
                     [](const auto& entry) { return has_four_bits(entry.second.dtype()); }) ||
         std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
           return std::any_of(node.attributes.begin(), node.attributes.end(), attribute);
         });
}

}  // namespace

int64_t ir_version_of_opset(int64_t opset) {
  for (const Release& release : kReleases) {
    if (opset >= release.opset) return release.ir_version;
  }
  return kWithOpsets;
}

void raise_ir_version(Graph& graph, int64_t least) {
  if (graph.ir_version != 0) graph.ir_version = std::max(graph.ir_version, least);
}

int64_t ir_version_to_write(const Graph& graph) {
  if (graph.ir_version == 0) return kMadeHere;
  int64_t out = std::max(graph.ir_version, kWithOpsets);
  for (const auto& [name, tensor] : graph.initializers) {
    if (!graph.is_input(name)) out = std::max(out, kWithConstants);
  }
  if (!graph.functions.empty()) out = std::max(out, kWithFunctions);
  if (holds_four_bits(graph)) out = std::max(out, kWithFourBits);
  return out;
}

}  // namespace lapidary::graph
