#include "passes/fixed_shapes/lower_group_query_attention.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "contract/ports.h"
#include "graph/fixed_shapes.h"
#include "passes/fixed_shapes/fold_layout.h"
#include "passes/rewrite/node_rewriter.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Shape;

const std::vector<int64_t> kSwapHeads = {0, 2, 1, 3};
const std::vector<int64_t> kSwapMatrix = {0, 1, 3, 2};

struct Dims {
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  int64_t queries = 0, past = 0, fresh = 0;  // rows
  int64_t rows() const { return past + fresh; }
  int64_t group() const { return heads / kv_heads; }
};

class AttentionLowering {
 public:
  AttentionLowering(Graph graph, const graph::FixedShapes& known, AttentionForm form)
      : out_(std::move(graph)), known_(known), form_(form) {}

  Result<PassOutcome> run() {
    std::vector<Node> nodes = out_.take_nodes();
    for (const auto& output : out_.graph().outputs) wanted_.insert(output.name);
    for (const Node& node : nodes) {
      for (std::string& value : node.reads()) wanted_.insert(std::move(value));
    }
    for (Node& node : nodes) {
      if (node.qualified_op() == "com.microsoft::GroupQueryAttention") {
        LAP_RETURN_IF_ERROR(lower(node));
        continue;
      }
      LAP_RETURN_IF_ERROR(check_reader(node));
      out_.keep(std::move(node));
    }
    LAP_ASSIGN_OR_RETURN(PassOutcome folded, fold_layout(std::move(out_).finish()));
    outcome_.graph = std::move(folded.graph);
    return std::move(outcome_);
  }

 private:
  static Error refuse(const Node& node, const std::string& what) {
    return unsupported(fmt::format("node '{}'", node.name), what,
                       "only the forms that the decoder's builder emits can be lowered");
  }

  // Present caches are more than the new rows only for other nodes of the operator.
  Status check_reader(const Node& node) const {
    for (const std::string& input : node.inputs) {
      if (caches_.contains(input)) return refuse(node, fmt::format("reads the cache '{}'", input));
    }
    return {};
  }

  const Shape& shape(const std::string& value) const { return known_.shapes.at(value); }

  Result<Dims> dims_of(const Node& node) const {
    for (const auto& [key, value] : node.attributes) {
      static const std::set<std::string> kFollowed = {"num_heads", "kv_num_heads", "scale",
                                                      "local_window_size"};
      if (!kFollowed.contains(key))
        return refuse(node, fmt::format("attribute '{}' is not followed", key));
    }
    if (node.inputs.size() != 7) return refuse(node, "it has inputs beyond the lengths");
    const Shape& q = shape(node.inputs[0]);
    const Shape& k = shape(node.inputs[1]);
    const Shape& past = shape(node.inputs[3]);
    const Dims d{node.int_attribute("num_heads", 0), past[1], past[3], q[1], past[2], k[1]};
    const bool fits = q[0] == 1 && k[0] == 1 && past[0] == 1 && d.kv_heads > 0 &&
                      d.kv_heads == node.int_attribute("kv_num_heads", 0) &&
                      d.heads % d.kv_heads == 0 && q[2] == d.heads * d.head_dim &&
                      k[2] == d.kv_heads * d.head_dim && shape(node.inputs[2]) == k &&
                      shape(node.inputs[4]) == past;
    if (!fits) return refuse(node, "its shapes are not of batch 1 with equal keys and values");
    return d;
  }

  // [1, rows, n * d] -> [1, n, rows, d]
  std::string heads_first(const std::string& value, int64_t rows, int64_t heads, int64_t head_dim,
                          const std::string& at) {
    const std::string split =
        out_.op("Reshape", {value, out_.integers({1, rows, heads, head_dim})}, at);
    return out_.op("Transpose", {split}, at, {{"perm", kSwapHeads}});
  }

  // The cache that `past` and the new rows make. The present output becomes those rows.
  std::string appended(const std::string& past, const std::string& fresh,
                       const std::string& present, const Dims& d, const std::string& at) {
    if (d.fresh == 0) {
      const auto donor = caches_.find(past);
      return donor == caches_.end() ? past : donor->second;
    }
    std::string rows = heads_first(fresh, d.fresh, d.kv_heads, d.head_dim, at);
    if (!present.empty()) {
      out_.replace(present, rows);
      rows = out_.current(present);
    }
    std::string cache =
        d.past == 0 ? rows : out_.op("Concat", {past, rows}, at, {{"axis", int64_t{2}}});
    if (!present.empty()) caches_[present] = cache;
    return cache;
  }

  // Transposed once for all the nodes that attend to it.
  std::string transposed(const std::string& rows, const std::string& at) {
    std::string& made = transposed_[rows];
    if (made.empty()) made = out_.op("Transpose", {rows}, at, {{"perm", kSwapMatrix}});
    return made;
  }

  Result<std::string> mask(const Node& node, const Dims& d) {
    std::string name =
        contract::ports::attention_mask(node.int_attribute("local_window_size", -1) > 0);
    if (!out_.graph().is_input(name)) {
      if (out_.unique(name) != name) {
        return refuse(node, fmt::format("needs an input '{}', a name that is taken", name));
      }
      out_.graph().inputs.push_back(
          {name, DType::kFloat, {int64_t{1}, int64_t{1}, d.queries, d.rows()}});
    }
    return name;
  }

  // The mask of a kind has one shape; other shapes would need a mask each.
  Status check_mask(const Node& node, const std::string& name, const Dims& d) {
    const auto& inputs = out_.graph().inputs;
    const auto declared = std::find_if(inputs.begin(), inputs.end(),
                                       [&](const auto& input) { return input.name == name; });
    const graph::SymbolicShape needed = {int64_t{1}, int64_t{1}, d.queries, d.rows()};
    if (declared->shape == needed) return {};
    return refuse(node, fmt::format("needs '{}' as {}, another node as {}", name,
                                    graph::to_string(needed), graph::to_string(declared->shape)));
  }

  static float scale_of(const Node& node, const Dims& d) {
    const auto it = node.attributes.find("scale");
    const auto* scale = it == node.attributes.end() ? nullptr : std::get_if<float>(&it->second);
    const bool given = scale != nullptr && *scale != 0.0F;
    return given ? *scale : 1.0F / std::sqrt(static_cast<float>(d.head_dim));
  }

  std::string reshaped(const std::string& value, const Shape& to, const std::string& at) {
    return out_.op("Reshape", {value, out_.integers(to)}, at);
  }

  // [1, n, group * queries, d]
  std::string grouped_queries(const Node& node, std::string query, const Dims& d,
                              const std::string& at) {
    if (const float scale = scale_of(node, d); scale != 1.0F) {
      const std::string name = out_.shared_constant(at + ".scale", tensor::scalar(scale));
      query = out_.op("Mul", {query, name}, at);
    }
    return reshaped(query, {1, d.kv_heads, d.group() * d.queries, d.head_dim}, at);
  }

  // From queries [1, h, queries, d] to [1, h, queries, d].
  std::string attended(const Node& node, const std::string& query, const std::string& keys,
                       const std::string& values, const std::string& mask, const Dims& d) {
    const std::string at = NodeRewriter::under(node);
    if (form_ == AttentionForm::kAttention) {
      return out_.op("Attention", {query, keys, values, mask}, at, {{"scale", scale_of(node, d)}});
    }
    const std::string products = out_.op(
        "MatMul", {grouped_queries(node, query, d, at + ".query"), transposed(keys, at + ".key")},
        at + ".scores");
    const std::string scores =
        reshaped(products, {1, d.heads, d.queries, d.rows()}, at + ".scores");
    const std::string masked = out_.op("Add", {scores, mask}, at + ".mask");
    const std::string weights = out_.op("Softmax", {masked}, at, {{"axis", int64_t{-1}}});
    const std::string grouped =
        reshaped(weights, {1, d.kv_heads, d.group() * d.queries, d.rows()}, at + ".weights");
    return reshaped(out_.op("MatMul", {grouped, values}, at + ".output"),
                    {1, d.heads, d.queries, d.head_dim}, at + ".output");
  }

  Status lower(const Node& node) {
    LAP_ASSIGN_OR_RETURN(const Dims d, dims_of(node));
    const std::string at = NodeRewriter::under(node);
    const auto present = [&](size_t i) {
      return i < node.outputs.size() ? node.outputs[i] : std::string();
    };
    const std::string keys = appended(node.inputs[3], node.inputs[1], present(1), d, at + ".key");
    const std::string values =
        appended(node.inputs[4], node.inputs[2], present(2), d, at + ".value");
    ++outcome_.rewritten;
    if (!wanted_.contains(node.outputs[0])) return {};
    LAP_ASSIGN_OR_RETURN(const std::string mask_name, mask(node, d));
    LAP_RETURN_IF_ERROR(check_mask(node, mask_name, d));

    const std::string query =
        heads_first(node.inputs[0], d.queries, d.heads, d.head_dim, at + ".query");
    const std::string heads = attended(node, query, keys, values, mask_name, d);
    const std::string joined =
        out_.op("Transpose", {heads}, at + ".output", {{"perm", kSwapHeads}});
    out_.replace(node.outputs[0],
                 reshaped(joined, {1, d.queries, d.heads * d.head_dim}, at + ".output"));
    return {};
  }

  NodeRewriter out_;
  const graph::FixedShapes& known_;
  const AttentionForm form_;
  PassOutcome outcome_;
  std::map<std::string, std::string> caches_;      // all rows, by the name of the present output
  std::map<std::string, std::string> transposed_;  // keys, by the name of all rows
  std::set<std::string> wanted_;                   // values that a node or the caller reads
};

}  // namespace

Result<PassOutcome> lower_group_query_attention(Graph graph, AttentionForm form) {
  LAP_ASSIGN_OR_RETURN(const graph::FixedShapes known, graph::infer_shapes(graph));
  return AttentionLowering(std::move(graph), known, form).run();
}

}  // namespace lapidary::passes
