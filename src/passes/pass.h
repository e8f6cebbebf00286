// What a pass is: a function from a component's graphs to its graphs, with options, registered
// under Olive's name.
//
//   LAP_ASSIGN_OR_RETURN(const PassEntry* entry, find_pass("OnnxKQuantQuantization", where));
//   BoundPass pass = entry->bind(reader);
//   LAP_ASSIGN_OR_RETURN(SetOutcome outcome, pass.run(std::move(graphs), context));
//
// Passes rewrite expressions, not bytes: they take milliseconds whatever the model's size. (Only
// what they ask of PassContext may take longer.)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "graph/graph.h"
#include "passes/graph_set.h"
#include "quant/moments.h"
#include "quant/ranges.h"
#include "target/quantization_traits.h"

namespace lapidary::passes {

// A place that a pass could have rewritten and did not, or a name in its options that fits nothing.
struct Declined {
  std::string node;
  std::string reason;
  bool refused = false;  // not merely left: the pass cannot do it, and was told to go on
  // The graph has nothing of that name: worth saying when no graph of the component has.
  bool absent = false;
};
Declined absent(std::string name, std::string reason);

// What a pass made of weights that lie on a grid (tensor/grid.h), by the names of initializers.
struct GridUse {
  std::set<std::string> kept;                  // with the codes that they have
  std::map<std::string, std::string> rounded;  // anew; why the format does not hold their grid
  std::set<std::string> without;               // quantized to 4 bits, and on no grid

  void add(const GridUse& other);
};

// Of one graph.
struct PassOutcome {
  graph::Graph graph;
  int64_t rewritten = 0;  // nodes
  std::vector<Declined> declined;
  GridUse grids = {};
};

// Of a component's graphs: `rewritten` counts nodes of all graphs, a place declined in several is
// listed once, and a name that one graph knows is not absent.
struct SetOutcome {
  GraphSet graphs;
  int64_t rewritten = 0;
  std::vector<Declined> declined;
  GridUse grids = {};
};

// The wish of a pass to know what values a graph computes.
struct CalibrationRequest {
  const graph::Graph& graph;        // float32
  std::vector<std::string> values;  // whose ranges are wanted
  std::string method;               // "min_max", "percentile" or "mse"
  double percentile = 99.999;
  int bits = 16;            // of the codes that the ranges are for
  std::string data_config;  // which of the recipe's data_configs; "": all
};

// The wish of a pass to know how the channels of values go together (quant/moments.h).
struct MomentRequest {
  const graph::Graph& graph;        // float32
  std::vector<std::string> values;  // float32, of any rank; channels are the last dim
  int64_t block_size = 128;
  std::string data_config;  // which of the recipe's data_configs; "": all
};

// What a pass may ask of the world outside the graph. What is not set cannot be asked: the pass
// says what is missing.
struct PassContext {
  std::function<Result<quant::Ranges>(const CalibrationRequest&)> calibrate;
  // Shared, since a pass keeps it in the weights it makes until they are written. A plan gets an
  // empty map: bytes and dtypes do not depend on the numbers.
  std::function<Result<std::shared_ptr<const quant::Moments>>(const MomentRequest&)> moments = {};
  // Of the target that the graphs are for; target::traits_of says which where no chip is named.
  std::optional<target::QuantizationTraits> traits = std::nullopt;
};

// The traits, for the pass of that type. Error: kInternal, no target is named.
Result<target::QuantizationTraits> traits_in(const PassContext& context, const std::string& type);

// A pass with its options read and checked.
struct BoundPass {
  std::string type;  // "OnnxKQuantQuantization"
  Json options;  // every option, defaults filled in: what a manifest records and a cache key covers
  std::function<Result<SetOutcome>(GraphSet, const PassContext&)> run;
};

// A pass that looks at one graph at a time.
BoundPass per_graph(std::string type, Json options,
                    std::function<Result<PassOutcome>(graph::Graph)> run);
// The same where the target matters.
using TargetedRun =
    std::function<Result<PassOutcome>(graph::Graph, const target::QuantizationTraits&)>;
BoundPass per_graph_of_target(std::string type, Json options, TargetedRun run);

// One row of the registry.
struct PassEntry {
  const char* type;     // Olive's name
  const char* summary;  // one line for people
  // Reads the options from the pass's object in a recipe ("type" was read already). Errors, unknown
  // keys among them, are recorded in the reader's document.
  BoundPass (*bind)(JsonReader& options);
};

const std::vector<PassEntry>& registry();

// Error: no pass of that name; the message lists the names there are.
Result<const PassEntry*> find_pass(const std::string& type, const std::string& where);

}  // namespace lapidary::passes
