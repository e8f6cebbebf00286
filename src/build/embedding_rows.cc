#include "build/embedding_rows.h"

#include <set>
#include <string>

namespace lapidary::build {
namespace {

// Constants of which a run reads rows.
std::set<std::string> tables(const graph::Graph& graph) {
  std::set<std::string> out;
  for (const graph::Node& node : graph.nodes) {
    const bool blocks = node.op_type == "GatherBlockQuantized";
    if (node.op_type != "Gather" && !blocks) continue;
    // Inputs: data, indices, and of blocks scales and zero points.
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (i == 0 || (blocks && i >= 2)) out.insert(node.inputs[i]);
    }
  }
  return out;
}

}  // namespace

int64_t bytes_of_one_token(const graph::Graph& embedding) {
  const std::set<std::string> rows = tables(embedding);
  int64_t out = 0;
  for (const auto& [name, tensor] : embedding.initializers) {
    const bool row = rows.contains(name) && !tensor.shape().empty() && tensor.shape()[0] > 0;
    out += row ? tensor.bytes() / tensor.shape()[0] : tensor.bytes();
  }
  return out;
}

}  // namespace lapidary::build
