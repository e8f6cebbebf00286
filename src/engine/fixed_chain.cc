#include "engine/fixed_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/port_check.h"

namespace lapidary::engine {
namespace {

Error wrong(const FixedPart& part, const std::string& what) {
  return bad_input(part.session.path().string(), what, "build the package again");
}

std::string text(const std::vector<int64_t>& dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

std::string quoted(const package::Port& port, bool is_input) {
  return fmt::format("{} '{}'", is_input ? "input" : "output", port.name);
}

}  // namespace

int64_t FixedBuffer::elements() const {
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  return count;
}

Result<FixedBuffer*> FixedChain::buffer_for(const FixedPart& part, const package::Port& port,
                                            bool is_input, const FixedPorts& known) {
  const std::string name = quoted(port, is_input);
  const auto& declared = is_input ? part.session.inputs() : part.session.outputs();
  const ort::Port* const real = find_port(declared, port.name);
  if (real == nullptr) return wrong(part, "has no " + name);
  if (std::any_of(real->dims.begin(), real->dims.end(), [](int64_t dim) { return dim < 1; })) {
    return wrong(part, fmt::format("{} is {}, not of fixed length", name, text(real->dims)));
  }
  LAP_ASSIGN_OR_RETURN(
      PortCodec codec,
      PortCodec::create(real->dtype, port.encoding,
                        fmt::format("{}: {}", part.session.path().string(), name)));
  if (const auto there = buffers_.find(port.name); there != buffers_.end()) {
    if (!is_input) return wrong(part, name + " is a value that an earlier part has");
    if (there->second.dims != real->dims || there->second.codec != codec) {
      return wrong(part, name + " has another shape or encoding in an earlier part");
    }
    return &there->second;
  }
  FixedBuffer buffer{codec, real->dims, nullptr, {}};
  const auto expected = known.find(port.name);
  if (expected != known.end()) {
    const FixedPort& want = expected->second;
    if (want.dims != buffer.dims) {
      return wrong(part,
                   fmt::format("{} is {}, expected {}", name, text(buffer.dims), text(want.dims)));
    }
    if (want.codec && *want.codec != codec) {
      return wrong(part, name + " has another dtype or encoding than its cache");
    }
    buffer.data = want.data;
  } else if (is_input) {
    return wrong(part, name + " is neither known to this version nor written by an earlier part");
  }
  if (buffer.data == nullptr) {
    buffer.owned.resize(static_cast<size_t>(buffer.elements()) * codec.element_bytes());
    buffer.data = buffer.owned.data();
  }
  return &buffers_.emplace(port.name, std::move(buffer)).first->second;
}

Status FixedChain::add(const FixedPart& part, const FixedPorts& inputs, const FixedPorts& outputs) {
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, part.session.bind());
  for (const package::Port& port : part.record.inputs) {
    LAP_ASSIGN_OR_RETURN(const FixedBuffer* buffer, buffer_for(part, port, true, inputs));
    LAP_RETURN_IF_ERROR(
        binding.input(port.name, {buffer->codec.type(), buffer->data, buffer->dims}));
  }
  for (const package::Port& port : part.record.outputs) {
    LAP_ASSIGN_OR_RETURN(const FixedBuffer* buffer, buffer_for(part, port, false, outputs));
    LAP_RETURN_IF_ERROR(
        binding.output(port.name, {buffer->codec.type(), buffer->data, buffer->dims}));
  }
  bindings_.push_back(std::move(binding));
  return {};
}

Result<FixedChain> FixedChain::create(const std::vector<FixedPart>& parts, const FixedPorts& inputs,
                                      const FixedPorts& outputs) {
  if (parts.empty()) return internal_error("static decoder", "has no parts");
  FixedChain chain;
  for (const FixedPart& part : parts) LAP_RETURN_IF_ERROR(chain.add(part, inputs, outputs));
  for (const auto& [name, port] : outputs) {
    if (chain.find(name) == nullptr) {
      return wrong(parts.back(), fmt::format("has no output '{}', nor has a part before it", name));
    }
  }
  return chain;
}

FixedBuffer* FixedChain::find(const std::string& name) {
  const auto found = buffers_.find(name);
  return found == buffers_.end() ? nullptr : &found->second;
}

Status FixedChain::run() {
  for (ort::Binding& binding : bindings_) LAP_RETURN_IF_ERROR(binding.run());
  return {};
}

}  // namespace lapidary::engine
