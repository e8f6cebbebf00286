#include "passes/split_model/split_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "passes/split_model/decoder_layers.h"
#include "passes/split_model/graph_parts.h"

namespace lapidary::passes {
namespace {

constexpr int64_t kMostParts = 1024;

struct Balance {
  Cuts cuts;
  int64_t largest = 0;  // bytes
};

// The cuts into `parts` runs of layers whose largest sum is smallest; parts <= bytes.size().
Balance balanced(const std::vector<int64_t>& bytes, size_t parts) {
  const size_t layers = bytes.size();
  std::vector<int64_t> before(layers + 1, 0);  // bytes of the layers in front of one
  for (size_t i = 0; i < layers; ++i) before[i + 1] = before[i] + bytes[i];
  // largest[k][n]: of the first n layers in k + 1 parts; from[k][n]: where the last of them begins.
  constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  std::vector<std::vector<int64_t>> largest(parts, std::vector<int64_t>(layers + 1, kNone));
  std::vector<std::vector<size_t>> from(parts, std::vector<size_t>(layers + 1, 0));
  for (size_t n = 1; n <= layers; ++n) largest[0][n] = before[n];
  for (size_t k = 1; k < parts; ++k) {
    for (size_t n = k + 1; n <= layers; ++n) {
      for (size_t begin = k; begin < n; ++begin) {
        const int64_t cost = std::max(largest[k - 1][begin], before[n] - before[begin]);
        if (cost >= largest[k][n]) continue;
        largest[k][n] = cost;
        from[k][n] = begin;
      }
    }
  }
  Balance out{Cuts(parts, 0), largest[parts - 1][layers]};
  size_t end = layers;
  for (size_t k = parts - 1; k > 0; --k) {
    end = from[k][end];
    out.cuts[k] = static_cast<int64_t>(end);
  }
  return out;
}

// Splittable graphs of a set, and the weights of each layer.
struct Layers {
  int64_t last = -1;
  std::vector<std::vector<NodePlace>> places;  // by graph; none for those that stay whole
  std::vector<int64_t> bytes;                  // by layer, in the graph that has the most
};

std::string name_of_layer(const Layers& layers, size_t layer) {
  return static_cast<int64_t>(layer) > layers.last
             ? fmt::format("what follows layer {}", layers.last)
             : fmt::format("layer {}", layer);
}

Status add_bytes(const graph::Graph& graph, const std::vector<NodePlace>& places, Layers& layers) {
  int64_t end = layers.last + 1;
  for (const NodePlace& place : places) end = std::max(end, place.layer + 1);
  Cuts every;
  for (int64_t layer = 0; layer < end; ++layer) every.push_back(layer);
  LAP_ASSIGN_OR_RETURN(const auto alone, cut_graph(graph, places, every));
  layers.bytes.resize(std::max(layers.bytes.size(), alone.size()), 0);
  for (size_t i = 0; i < alone.size(); ++i) {
    if (alone[i]) layers.bytes[i] = std::max(layers.bytes[i], constant_bytes(*alone[i]));
  }
  return {};
}

Result<Layers> layers_of(const GraphSet& graphs) {
  Layers out;
  for (const RoleGraph& each : graphs) {
    if (each.part != 0) {
      return bad_input("SplitModel", "the component is split already", "apply SplitModel once");
    }
    out.last = std::max(out.last, last_layer(each.graph).value_or(-1));
  }
  for (const RoleGraph& each : graphs) {
    out.places.emplace_back();
    if (each.role == Role::kCalibration) continue;
    if (!last_layer(each.graph)) {
      return bad_input(each.graph.name, "no node is named after a layer ('layers.0.mlp/MatMul')",
                       "apply SplitModel to a decoder only");
    }
    out.places.back() = place_nodes(each.graph, out.last);
    LAP_RETURN_IF_ERROR(add_bytes(each.graph, out.places.back(), out));
  }
  return out;
}

Result<Cuts> choose(const Layers& layers, const SplitOptions& options) {
  const size_t count = layers.bytes.size();
  if (options.num_splits > 0) {
    if (static_cast<size_t>(options.num_splits) > count) {
      return bad_input("SplitModel",
                       fmt::format("num_splits is {} for {} layers", options.num_splits, count),
                       "choose fewer parts");
    }
    return balanced(layers.bytes, static_cast<size_t>(options.num_splits)).cuts;
  }
  const auto widest = std::max_element(layers.bytes.begin(), layers.bytes.end());
  if (*widest > options.max_bytes) {
    return bad_input(
        "SplitModel",
        fmt::format("{} alone has {} bytes of weights, max_bytes is {}",
                    name_of_layer(layers, static_cast<size_t>(widest - layers.bytes.begin())),
                    *widest, options.max_bytes),
        "raise max_bytes, or quantize weights to fewer bits");
  }
  for (size_t parts = 1; parts < count; ++parts) {
    Balance found = balanced(layers.bytes, parts);
    if (found.largest <= options.max_bytes) return std::move(found.cuts);
  }
  return balanced(layers.bytes, count).cuts;
}

}  // namespace

Result<SetOutcome> split_model(GraphSet graphs, const SplitOptions& options) {
  for (RoleGraph& each : graphs) graph::remove_unused(each.graph);
  LAP_ASSIGN_OR_RETURN(const Layers layers, layers_of(graphs));
  LAP_ASSIGN_OR_RETURN(const Cuts cuts, choose(layers, options));
  SetOutcome out;
  for (size_t i = 0; i < graphs.size(); ++i) {
    if (graphs[i].role == Role::kCalibration) {
      out.graphs.push_back(std::move(graphs[i]));
      continue;
    }
    LAP_ASSIGN_OR_RETURN(auto parts, cut_graph(graphs[i].graph, layers.places[i], cuts));
    for (size_t part = 0; part < parts.size(); ++part) {
      if (!parts[part]) continue;
      if (part > 0) out.rewritten += static_cast<int64_t>(parts[part]->nodes.size());
      out.graphs.push_back({graphs[i].role, static_cast<int64_t>(part), *std::move(parts[part])});
    }
  }
  return out;
}

BoundPass bind_split_model(JsonReader& reader) {
  SplitOptions options;
  options.num_splits = reader.integer_or("num_splits", 0, {1, kMostParts});
  options.max_bytes = reader.integer_or("max_bytes", 0, {1});
  if ((options.num_splits > 0) == (options.max_bytes > 0)) {
    reader.fail(
        "num_splits",
        options.num_splits > 0 ? "is given along with max_bytes" : "is missing, and max_bytes too",
        "give one of num_splits and max_bytes");
  }
  reader.reject_unknown("parts are chosen by num_splits or max_bytes");
  Json json = {{"num_splits", options.num_splits}, {"max_bytes", options.max_bytes}};
  return {"SplitModel", std::move(json), [options](GraphSet graphs, const PassContext& /*unused*/) {
            return split_model(std::move(graphs), options);
          }};
}

}  // namespace lapidary::passes
