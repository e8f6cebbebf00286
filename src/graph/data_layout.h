// Where each weight of a graph lies in its external data file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace lapidary::graph {

// Tensors of at most this many bytes are stored inside the model file.
inline constexpr int64_t kInlineBytes = 1024;
// External tensors start at multiples of this, so that a runtime can map them one by one.
inline constexpr int64_t kDataAlignment = 4096;

struct Placement {
  std::string name;
  size_t output = 0;   // of the producer
  int64_t offset = 0;  // in the data file
  int64_t bytes = 0;
};

// Tensors that one expression produces together, evaluated in one go.
struct PlacedGroup {
  std::shared_ptr<const tensor::Producer> producer;
  std::vector<Placement> placements;
};

struct DataLayout {
  std::vector<PlacedGroup> groups;  // in order of first use by a node
  int64_t total_bytes = 0;
};

DataLayout plan_data(const Graph& graph);

}  // namespace lapidary::graph
