#include "passes/fixed_shapes/lower_rotary_embedding.h"

#include <map>
#include <string>
#include <utility>

#include "graph/fixed_shapes.h"
#include "passes/fixed_shapes/fold_layout.h"
#include "passes/rewrite/node_rewriter.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Shape;

const std::vector<int64_t> kHeadsBeforeTokens = {0, 2, 1, 3};

class RotaryLowering {
 public:
  RotaryLowering(Graph graph, const graph::FixedShapes& known)
      : out_(std::move(graph)), known_(known) {}

  Result<PassOutcome> run() {
    for (Node& node : out_.take_nodes()) {
      const bool rotates = node.qualified_op() == "RotaryEmbedding";
      const std::string reason = rotates ? reason_against(node) : "";
      if (!reason.empty()) outcome_.declined.push_back({node.name, reason});
      if (!rotates || !reason.empty()) {
        out_.keep(std::move(node));
      } else {
        lower(node);
      }
    }
    LAP_ASSIGN_OR_RETURN(PassOutcome folded, fold_layout(std::move(out_).finish()));
    outcome_.graph = std::move(folded.graph);
    return std::move(outcome_);
  }

 private:
  const Shape& shape(const std::string& value) const { return known_.shapes.at(value); }

  std::string reason_against(const Node& node) const {
    if (node.int_attribute("interleaved", 0) != 0) return "its pairs are interleaved";
    if (node.inputs.size() > 3 && !node.inputs[3].empty()) {
      return "its tables are looked up by position ids";
    }
    const Shape& x = shape(node.inputs[0]);
    const int64_t heads = node.int_attribute("num_heads", 0);
    if (x.size() != 3) return "its input is not of rank 3";
    if (heads < 1 || x[2] % heads != 0) return "num_heads does not divide its width";
    const Shape table = {x[0], x[1], x[2] / heads / 2};
    if (shape(node.inputs[1]) != table || shape(node.inputs[2]) != table) {
      return "its tables do not cover whole heads";
    }
    return "";
  }

  // [1, s, d / 2] -> [1, 1, s, d]: both halves of a head turn by the same angles.
  std::string doubled(const std::string& table) {
    auto& made = tables_[table];
    if (made.empty()) {
      const std::string both = out_.op("Concat", {table, table}, table, {{"axis", int64_t{2}}});
      made = out_.op("Unsqueeze", {both, out_.integers({1})}, table);
    }
    return made;
  }

  void lower(const Node& node) {
    const std::string at = NodeRewriter::under(node);
    const Shape& x = shape(node.inputs[0]);
    const int64_t heads = node.int_attribute("num_heads", 0);
    const int64_t width = x[2] / heads;
    const auto swap = [&](const std::string& value) {
      return out_.op("Transpose", {value}, at, {{"perm", kHeadsBeforeTokens}});
    };
    const auto half = [&](const std::string& value, int64_t begin, const char* name) {
      return out_.op(
          "Slice",
          {value, out_.integers({begin}), out_.integers({begin + width / 2}), out_.integers({3})},
          at + name);
    };
    const std::string split =
        swap(out_.op("Reshape", {node.inputs[0], out_.integers({x[0], x[1], heads, width})}, at));
    const std::string turned =
        out_.op("Concat",
                {out_.op("Neg", {half(split, width / 2, ".second_half")}, at),
                 half(split, 0, ".first_half")},
                at, {{"axis", int64_t{3}}});
    const std::string rotated =
        out_.op("Add",
                {out_.op("Mul", {split, doubled(node.inputs[1])}, at + ".cos"),
                 out_.op("Mul", {turned, doubled(node.inputs[2])}, at + ".sin")},
                at);
    out_.replace(node.outputs[0], out_.op("Reshape", {swap(rotated), out_.integers(x)}, at));
    ++outcome_.rewritten;
  }

  NodeRewriter out_;
  const graph::FixedShapes& known_;
  PassOutcome outcome_;
  std::map<std::string, std::string> tables_;  // by the table they double
};

}  // namespace

Result<PassOutcome> lower_rotary_embedding(Graph graph) {
  LAP_ASSIGN_OR_RETURN(const graph::FixedShapes known, graph::infer_shapes(graph));
  return RotaryLowering(std::move(graph), known).run();
}

BoundPass bind_lower_rotary_embedding(JsonReader& reader) {
  reader.reject_unknown("this pass has no options");
  return per_graph("LowerRotaryEmbedding", Json::object(),
                   [](Graph graph) { return lower_rotary_embedding(std::move(graph)); });
}

}  // namespace lapidary::passes
