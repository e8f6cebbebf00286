// The parts of a static decoder in one role, bound to buffers once: what a part writes is the
// buffer that the next one reads, by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "ort/session.h"
#include "runtime/port_codec.h"
#include "runtime/static_graphs.h"

namespace lapidary::runtime {

struct StaticBuffer {
  PortCodec codec;
  std::vector<int64_t> dims;
  std::byte* data = nullptr;
  std::vector<std::byte> owned;  // empty when the memory is the caller's

  int64_t elements() const;
};

// What the caller feeds to a chain or takes from it, by name.
struct StaticPort {
  std::vector<int64_t> dims;
  std::byte* data = nullptr;         // memory of the caller, for elements of `codec`; or none
  std::optional<PortCodec> codec{};  // any, when there is none
};
using StaticPorts = std::map<std::string, StaticPort>;

class StaticChain {
 public:
  // `inputs`: what a part may read besides what earlier ones write; parts need not read all.
  // `outputs`: what the parts must write; a part may write more, for later ones.
  // Errors: kBadInput naming file and port for an input that nobody makes, an output that nobody
  // writes, dims or encodings that are not those expected or that differ between two parts, dims
  // that are not fixed, and those of PortCodec::create.
  static Result<StaticChain> create(const std::vector<StaticPart>& parts, const StaticPorts& inputs,
                                    const StaticPorts& outputs);

  // nullptr: no part has a port of that name.
  StaticBuffer* find(const std::string& name);
  Status run();

 private:
  StaticChain() = default;
  Status add(const StaticPart& part, const StaticPorts& inputs, const StaticPorts& outputs);
  Result<StaticBuffer*> buffer_for(const StaticPart& part, const package::Port& port, bool is_input,
                                   const StaticPorts& known);

  std::map<std::string, StaticBuffer> buffers_;  // their addresses are bound
  std::vector<ort::Binding> bindings_;
};

}  // namespace lapidary::runtime
