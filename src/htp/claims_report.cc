#include "htp/claims_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "htp/context_model.h"

namespace lapidary::htp {
namespace {

using graph::Graph;
using graph::Node;
using Place = NodeClaim::Place;

constexpr int64_t kFormat = 1;
constexpr int64_t kMostParts = 1 << 20;
constexpr std::array<std::pair<Place, std::string_view>, 4> kPlaces = {{{Place::kHtp, "htp"},
                                                                        {Place::kFolded, "folded"},
                                                                        {Place::kMerged, "merged"},
                                                                        {Place::kCpu, "cpu"}}};

// Which ONNX node a QNN node comes from.
class Origins {
 public:
  explicit Origins(const Graph& graph) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      nodes_.emplace(graph.nodes[i].name, i);
      for (const std::string& output : graph.nodes[i].outputs) {
        if (!output.empty()) values_.emplace(output, i);
      }
    }
    // What a Quantize or DequantizeLinear yields is the result of the node before it.
    for (const Node& node : graph.nodes) {
      if (!changes_encoding(node.op_type) || node.inputs.empty() || node.outputs.empty()) continue;
      const auto before = values_.find(node.inputs[0]);
      if (before != values_.end()) values_[node.outputs[0]] = before->second;
    }
  }

  std::optional<size_t> of(const ClaimedNode& qnn) const {
    if (const auto same = nodes_.find(qnn.name); same != nodes_.end()) return same->second;
    for (const ClaimedTensor& output : qnn.outputs) {
      const auto made = values_.find(output.name);
      if (made != values_.end()) return made->second;
    }
    if (const auto found = longest_prefix(nodes_, qnn.name)) return found;
    return longest_prefix(values_, qnn.name);
  }

 private:
  using Index = std::map<std::string, size_t>;

  // What follows must not go on with the path or with a number: "layers.1" made no "layers.10/x".
  static bool may_follow(char before, char next) {
    const auto digit = [](char c) { return '0' <= c && c <= '9'; };
    return next != '/' && next != '.' && !(digit(before) && digit(next));
  }

  static std::optional<size_t> longest_prefix(const Index& index, const std::string& name) {
    for (size_t length = name.size(); length > 0; --length) {
      if (length < name.size() && !may_follow(name[length - 1], name[length])) continue;
      const auto found = index.find(name.substr(0, length));
      if (found != index.end()) return found->second;
    }
    return std::nullopt;
  }

  Index nodes_;
  Index values_;
};

void claim(NodeClaim& node, const ClaimedNode& qnn) {
  const QnnNode part{qnn.name, qnn.type};
  const bool main = qnn.name == node.name;
  node.qnn.insert(main ? node.qnn.begin() : node.qnn.end(), part);
  if (!qnn.outputs.empty() && (main || node.dtype.empty())) node.dtype = qnn.outputs[0].dtype;
  for (const ClaimedTensor& input : qnn.inputs) {
    if (input.constant) node.constants.push_back({input.name, input.dtype, input.encoding});
  }
  node.place = Place::kHtp;
}

Json json_of(const QnnNode& node) { return Json{{"name", node.name}, {"type", node.type}}; }

Json json_of(const NodeClaim::Constant& constant) {
  Json json = {{"name", constant.name}, {"dtype", constant.dtype}};
  if (!constant.encoding.empty()) json["encoding"] = constant.encoding;
  return json;
}

Json json_of(const NodeClaim& node);

template <typename T>
Json list_of(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(json_of(item));
  return list;
}

Json json_of(const NodeClaim& node) {
  Json json = {{"name", node.name}, {"op", node.op}, {"on", name_of(node.place)}};
  if (!node.qnn.empty()) json["qnn"] = list_of(node.qnn);
  if (!node.dtype.empty()) json["dtype"] = node.dtype;
  if (!node.constants.empty()) json["constants"] = list_of(node.constants);
  return json;
}

Json totals_of(const NodeClaims& claims) {
  Json json = {{"onnx_nodes", claims.nodes.size()}};
  for (const auto& [place, name] : kPlaces) json[std::string(name)] = claims.count(place);
  json["qnn_nodes"] = claims.qnn_nodes();
  json["percent_on_htp"] = claims.percent_on_htp();
  return json;
}

// Reads a report; the first error is kept in `error_`.
class ReportReader {
 public:
  ReportReader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  Result<ClaimsReport> read() {
    if (!json_.is_object()) return bad_input(where_, "must be an object");
    JsonReader root(&json_, "", error_, where_);
    const int64_t format = root.integer("format");
    if (root.status().ok() && format != kFormat) {
      return unsupported(where_,
                         fmt::format("has format {}, this program reads {}", format, kFormat));
    }
    ClaimsReport report;
    report.target = root.string("target");
    for (JsonReader& graph : elements(root, "graphs")) report.graphs.push_back(graph_of(graph));
    LAP_RETURN_IF_ERROR(root.status());
    return report;
  }

 private:
  std::vector<JsonReader> elements(JsonReader& parent, const std::string& key) {
    std::vector<JsonReader> out;
    const Json& list = parent.raw(key);
    if (list.is_null()) return out;
    for (size_t i = 0; i < list.size(); ++i) {
      if (!list.is_array() || !list[i].is_object()) {
        parent.fail(key, "must be a list of objects");
        return {};
      }
      out.emplace_back(&list[i], fmt::format("{}.{}[{}]", parent.path(), key, i), error_, where_);
    }
    return out;
  }

  ReportedGraph graph_of(JsonReader& reader) {
    ReportedGraph graph;
    graph.component = reader.string("component");
    const std::string role = reader.string("role");
    graph.role = contract::role_named(role).value_or(contract::Role::kCalibration);
    if (graph.role == contract::Role::kCalibration) {
      reader.fail("role", fmt::format("is '{}'; known are model, prefill and decode", role));
    }
    graph.part = reader.integer("part", {.min = 0, .max = kMostParts});
    for (JsonReader& node : elements(reader, "nodes")) graph.claims.nodes.push_back(node_of(node));
    for (JsonReader& node : elements(reader, "added")) graph.claims.added.push_back(qnn_of(node));
    return graph;
  }

  static QnnNode qnn_of(JsonReader& reader) {
    return {reader.string("name"), reader.string("type")};
  }

  NodeClaim node_of(JsonReader& reader) {
    NodeClaim node{reader.string("name"), reader.string("op")};
    const std::string place = reader.string("on");
    const auto* const found = std::find_if(kPlaces.begin(), kPlaces.end(),
                                           [&](const auto& row) { return row.second == place; });
    if (found == kPlaces.end()) {
      reader.fail("on", fmt::format("'{}' is not one of htp, folded, merged, cpu", place));
    } else {
      node.place = found->first;
    }
    for (JsonReader& part : elements(reader, "qnn")) node.qnn.push_back(qnn_of(part));
    node.dtype = reader.string_or("dtype", "");
    for (JsonReader& constant : elements(reader, "constants")) {
      node.constants.push_back(
          {constant.string("name"), constant.string("dtype"), constant.string_or("encoding", "")});
    }
    return node;
  }

  const Json& json_;
  std::string where_;
  std::shared_ptr<std::optional<Error>> error_ = std::make_shared<std::optional<Error>>();
};

}  // namespace

std::string_view name_of(NodeClaim::Place place) {
  for (const auto& [each, name] : kPlaces) {
    if (each == place) return name;
  }
  return "";
}

size_t NodeClaims::count(Place place) const {
  return static_cast<size_t>(std::count_if(
      nodes.begin(), nodes.end(), [place](const NodeClaim& node) { return node.place == place; }));
}

size_t NodeClaims::qnn_nodes() const {
  size_t count = added.size();
  for (const NodeClaim& node : nodes) count += node.qnn.size();
  return count;
}

double NodeClaims::percent_on_htp() const {
  const size_t on = count(Place::kHtp) + count(Place::kFolded);
  const size_t all = on + count(Place::kCpu);
  return all == 0 ? 100 : 100 * static_cast<double>(on) / static_cast<double>(all);
}

std::vector<std::string> NodeClaims::cpu_nodes() const {
  std::vector<std::string> names;
  for (const NodeClaim& node : nodes) {
    if (node.place == Place::kCpu) names.push_back(node.name);
  }
  return names;
}

NodeClaims claims_by_node(const Graph& graph, const Claims& claims,
                          std::span<const std::string> cpu_nodes) {
  NodeClaims out;
  const std::set<std::string> on_cpu(cpu_nodes.begin(), cpu_nodes.end());
  for (const Node& node : graph.nodes) out.nodes.push_back({node.name, node.qualified_op()});
  const Origins origins(graph);
  for (const ClaimedNode& qnn : claims.nodes) {
    if (const auto origin = origins.of(qnn)) {
      claim(out.nodes[*origin], qnn);
    } else {
      out.added.push_back({qnn.name, qnn.type});
    }
  }
  for (NodeClaim& node : out.nodes) {
    if (on_cpu.contains(node.name)) {
      node.place = Place::kCpu;
    } else if (node.place == Place::kMerged && changes_encoding(node.op)) {
      node.place = Place::kFolded;
    }
  }
  return out;
}

Json claims_report(const target::Target& chip, std::span<const ReportedGraph> graphs) {
  Json list = Json::array();
  for (const ReportedGraph& graph : graphs) {
    list.push_back(Json{{"component", graph.component},
                        {"role", name_of(graph.role)},
                        {"part", graph.part},
                        {"totals", totals_of(graph.claims)},
                        {"nodes", list_of(graph.claims.nodes)},
                        {"added", list_of(graph.claims.added)},
                        {"cpu_nodes", graph.claims.cpu_nodes()}});
  }
  return Json{{"format", kFormat}, {"target", target::name_of(chip)}, {"graphs", std::move(list)}};
}

Result<ClaimsReport> read_claims_report(const Json& json, const std::string& where) {
  return ReportReader(json, where).read();
}

}  // namespace lapidary::htp
