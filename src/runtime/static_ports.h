// Names and shapes of a static decoder's ports, and the element types of its caches.
#pragma once

#include <vector>

#include "base/result.h"
#include "runtime/static_caches.h"
#include "runtime/static_chain.h"
#include "runtime/static_graphs.h"

namespace lapidary::runtime {

namespace port {
std::string attention_mask(bool sliding);
std::string rotary_cos(const std::string& kind);
std::string rotary_sin(const std::string& kind);
}  // namespace port

// A key or value tensor of a cache.
struct CachePort {
  package::CacheSpec spec;
  std::string past, present;  // names of its ports
  PortCodec codec;
};

// Key and value of each cache, in the order of text.caches; the types are those of the decode
// graphs. Errors: kBadInput for one that no decode graph writes.
Result<std::vector<CachePort>> cache_ports(const StaticGraphs& graphs);

// What the host feeds in a role; the caches' past rows are those of `caches`.
StaticPorts input_ports(const StaticGraphs& graphs, const std::vector<CachePort>& ports,
                        StaticRole role, StaticCaches& caches);
// What it takes.
StaticPorts output_ports(const StaticGraphs& graphs, const std::vector<CachePort>& ports,
                         StaticRole role);

}  // namespace lapidary::runtime
