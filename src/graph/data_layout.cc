#include "graph/data_layout.h"

#include <map>
#include <set>

namespace lapidary::graph {

DataLayout plan_data(const Graph& graph) {
  DataLayout layout;
  std::map<const tensor::Producer*, size_t> group_of;
  std::set<std::string> placed;
  for (const Node& node : graph.nodes) {
    for (const std::string& input : node.reads()) {
      const Tensor* tensor = graph.constant(input);
      if (tensor == nullptr || tensor->bytes() <= kInlineBytes) continue;
      if (!placed.insert(input).second) continue;
      const auto [it, fresh] = group_of.try_emplace(tensor->producer().get(), layout.groups.size());
      if (fresh) layout.groups.push_back({tensor->producer(), {}});
      layout.groups[it->second].placements.push_back({input, tensor->output(), 0, tensor->bytes()});
    }
  }
  for (PlacedGroup& group : layout.groups) {
    for (Placement& placement : group.placements) {
      placement.offset = layout.total_bytes;
      layout.total_bytes +=
          (placement.bytes + kDataAlignment - 1) / kDataAlignment * kDataAlignment;
    }
  }
  return layout;
}

}  // namespace lapidary::graph
