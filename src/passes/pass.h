// What a pass is: a function Graph -> Graph with options, registered under Olive's name.
//
//   LAP_ASSIGN_OR_RETURN(BoundPass pass, bind_pass("OnnxKQuantQuantization", reader));
//   LAP_ASSIGN_OR_RETURN(PassOutcome outcome, pass.run(std::move(graph)));
//
// Passes rewrite expressions, not bytes: they take milliseconds whatever the model's size.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "graph/graph.h"

namespace lapidary::passes {

// A place that a pass could have rewritten and did not.
struct Declined {
  std::string node;
  std::string reason;
};

struct PassOutcome {
  graph::Graph graph;
  int64_t rewritten = 0;  // nodes
  std::vector<Declined> declined;
};

// A pass with its options read and checked.
struct BoundPass {
  std::string type;  // "OnnxKQuantQuantization"
  Json options;  // every option, defaults filled in: what a manifest records and a cache key covers
  std::function<Result<PassOutcome>(graph::Graph)> run;
};

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
