// Names and shapes of a static decoder's ports, and the element types of its caches.
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/fixed_caches.h"
#include "engine/fixed_chain.h"
#include "engine/fixed_graphs.h"

namespace lapidary::engine {

// A key or value tensor of a cache.
struct CachePort {
  package::CacheSpec spec;
  std::string past, present;  // names of its ports
  PortCodec codec;
};

// Key and value of each cache, in the order of text.caches; the types are those of the decode
// graphs. Errors: kBadInput for one that no decode graph writes.
Result<std::vector<CachePort>> cache_ports(const FixedGraphs& graphs);

// What the host feeds in a role; the caches' past rows are those of `caches`.
FixedPorts input_ports(const FixedGraphs& graphs, const std::vector<CachePort>& ports,
                       contract::Role role, FixedCaches& caches);
// What it takes.
FixedPorts output_ports(const FixedGraphs& graphs, const std::vector<CachePort>& ports,
                        contract::Role role);

}  // namespace lapidary::engine
