// The claims report: what became of each node of an ONNX graph on the HTP, read from what the
// compiler dumped (claims.h) and from the context model that it left (compile.h).
//
//   NodeClaims of = claims_by_node(decoder, claims, cpu_nodes);
//   const std::vector<ReportedGraph> graphs = {{"decoder", contract::Role::kDecode, 0, of}};
//   Json json = claims_report(chip, graphs);  // decoder/claims.json
//
// As JSON:
//   {"format": 1, "target": "v81 (SM8850)", "graphs": [{
//      "component": "decoder", "role": "decode", "part": 0,
//      "totals": {"onnx_nodes": 1087, "htp": 361, "folded": 726, "merged": 0, "cpu": 0,
//                 "qnn_nodes": 392, "percent_on_htp": 100.0},
//      "nodes": [{"name": "lm_head/MatMul", "op": "MatMul", "on": "htp",
//                 "qnn": [{"name": "lm_head/MatMul", "type": "FullyConnected"}, ...],
//                 "dtype": "ufixed16",
//                 "constants": [{"name": "lm_head.weight_int8_transpose", "dtype": "sfixed8",
//                                "encoding": "AXIS"}]}, ...],
//      "added": [{"name": ..., "type": ...}],     QNN nodes that stand for no node of the graph
//      "cpu_nodes": []}]}
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "contract/role.h"
#include "graph/graph.h"
#include "htp/claims.h"
#include "target/soc.h"

namespace lapidary::htp {

struct QnnNode {
  std::string name, type;
  bool operator==(const QnnNode&) const = default;
};

struct NodeClaim {
  enum class Place {
    kHtp,     // one or more QNN nodes
    kFolded,  // a Quantize- or DequantizeLinear: the encodings of tensors say the same
    kMerged,  // no QNN node of its own: ONNX Runtime or the provider made it part of another, or
              // nothing needs it
    kCpu,
  };
  struct Constant {
    std::string name, dtype;
    std::string encoding;  // "" when not quantized
    bool operator==(const Constant&) const = default;
  };

  std::string name, op;           // ONNX: "lm_head/MatMul", "MatMul"
  Place place = Place::kMerged;   // everything below is of kHtp
  std::vector<QnnNode> qnn = {};  // the one of the same name first
  std::string dtype = {};         // of its result on the HTP: "ufixed16", "float16"
  std::vector<Constant> constants = {};
  bool operator==(const NodeClaim&) const = default;
};
std::string_view name_of(NodeClaim::Place place);  // "htp", "folded", "merged", "cpu"

struct NodeClaims {
  std::vector<NodeClaim> nodes;  // all of the graph's, in its order
  std::vector<QnnNode> added;    // QNN nodes that stand for no node of the graph

  size_t count(NodeClaim::Place place) const;
  size_t qnn_nodes() const;
  // Of the nodes that are not merged: how many run on the HTP, those folded included. 100 for none.
  double percent_on_htp() const;
  std::vector<std::string> cpu_nodes() const;
  bool operator==(const NodeClaims&) const = default;
};

// A QNN node belongs to the ONNX node of its name, or to the one whose result it yields, or to the
// one whose name its own begins with: the provider makes names that way where a node becomes
// several. `cpu_nodes` are names of nodes of `graph`.
NodeClaims claims_by_node(const graph::Graph& graph, const Claims& claims,
                          std::span<const std::string> cpu_nodes);

struct ReportedGraph {
  std::string component;  // "decoder"
  contract::Role role = contract::Role::kModel;
  int64_t part = 0;
  NodeClaims claims;
  bool operator==(const ReportedGraph&) const = default;
};

Json claims_report(const target::Target& chip, std::span<const ReportedGraph> graphs);

struct ClaimsReport {
  std::string target;  // "v81 (SM8850)"
  std::vector<ReportedGraph> graphs;
};
// Totals are counted anew. Errors: kBadInput naming `where` and the key; kUnsupported for another
// format.
Result<ClaimsReport> read_claims_report(const Json& json, const std::string& where);

}  // namespace lapidary::htp
