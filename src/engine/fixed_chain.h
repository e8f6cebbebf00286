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
#include "engine/fixed_graphs.h"
#include "engine/port_codec.h"
#include "ort/session.h"

namespace lapidary::engine {

struct FixedBuffer {
  PortCodec codec;
  std::vector<int64_t> dims;
  std::byte* data = nullptr;
  std::vector<std::byte> owned;  // empty when the memory is the caller's

  int64_t elements() const;
};

// What the caller feeds to a chain or takes from it, by name.
struct FixedPort {
  std::vector<int64_t> dims;
  std::byte* data = nullptr;         // memory of the caller, for elements of `codec`; or none
  std::optional<PortCodec> codec{};  // any, when there is none
};
using FixedPorts = std::map<std::string, FixedPort>;

class FixedChain {
 public:
  // `inputs`: what a part may read besides what earlier ones write; parts need not read all.
  // `outputs`: what the parts must write; a part may write more, for later ones.
  // Errors: kBadInput naming file and port for an input that nobody makes, an output that nobody
  // writes, dims or encodings that are not those expected or that differ between two parts, dims
  // that are not fixed, and those of PortCodec::create.
  static Result<FixedChain> create(const std::vector<FixedPart>& parts, const FixedPorts& inputs,
                                   const FixedPorts& outputs);

  // nullptr: no part has a port of that name.
  FixedBuffer* find(const std::string& name);
  Status run();

 private:
  FixedChain() = default;
  Status add(const FixedPart& part, const FixedPorts& inputs, const FixedPorts& outputs);
  Result<FixedBuffer*> buffer_for(const FixedPart& part, const package::Port& port, bool is_input,
                                  const FixedPorts& known);

  std::map<std::string, FixedBuffer> buffers_;  // their addresses are bound
  std::vector<ort::Binding> bindings_;
};

}  // namespace lapidary::engine
