#include "runtime/static_chain.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/port_check.h"

namespace lapidary::runtime {
namespace {

Error wrong(const StaticPart& part, const std::string& what) {
  return bad_input(part.session.path().string(), what, "build the package again");
}

std::string text(const std::vector<int64_t>& dims) {
  std::string out;
  for (const int64_t dim : dims) out += (out.empty() ? "" : ", ") + std::to_string(dim);
  return "[" + out + "]";
}

std::string quoted(const package::Port& port, bool is_input) {
  return (is_input ? "input '" : "output '") + port.name + "'";
}

}  // namespace

int64_t StaticBuffer::elements() const {
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  return count;
}

Result<StaticBuffer*> StaticChain::buffer_for(const StaticPart& part, const package::Port& port,
                                              bool is_input, const StaticPorts& known) {
  const std::string name = quoted(port, is_input);
  const auto& declared = is_input ? part.session.inputs() : part.session.outputs();
  const ort::Port* const real = find_port(declared, port.name);
  if (real == nullptr) return wrong(part, "has no " + name);
  if (std::any_of(real->dims.begin(), real->dims.end(), [](int64_t dim) { return dim < 1; })) {
    return wrong(part, name + " is " + text(real->dims) + ", not of fixed length");
  }
  LAP_ASSIGN_OR_RETURN(
      PortCodec codec,
      PortCodec::create(real->dtype, port.encoding, part.session.path().string() + ": " + name));
  if (const auto there = buffers_.find(port.name); there != buffers_.end()) {
    if (!is_input) return wrong(part, name + " is a value that an earlier part has");
    if (there->second.dims != real->dims || there->second.codec != codec) {
      return wrong(part, name + " has another shape or encoding in an earlier part");
    }
    return &there->second;
  }
  StaticBuffer buffer{codec, real->dims, nullptr, {}};
  const auto expected = known.find(port.name);
  if (expected != known.end()) {
    const StaticPort& want = expected->second;
    if (want.dims != buffer.dims) {
      return wrong(part, name + " is " + text(buffer.dims) + ", expected " + text(want.dims));
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

Status StaticChain::add(const StaticPart& part, const StaticPorts& inputs,
                        const StaticPorts& outputs) {
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, part.session.bind());
  for (const package::Port& port : part.record.inputs) {
    LAP_ASSIGN_OR_RETURN(const StaticBuffer* buffer, buffer_for(part, port, true, inputs));
    LAP_RETURN_IF_ERROR(
        binding.input(port.name, {buffer->codec.type(), buffer->data, buffer->dims}));
  }
  for (const package::Port& port : part.record.outputs) {
    LAP_ASSIGN_OR_RETURN(const StaticBuffer* buffer, buffer_for(part, port, false, outputs));
    LAP_RETURN_IF_ERROR(
        binding.output(port.name, {buffer->codec.type(), buffer->data, buffer->dims}));
  }
  bindings_.push_back(std::move(binding));
  return {};
}

Result<StaticChain> StaticChain::create(const std::vector<StaticPart>& parts,
                                        const StaticPorts& inputs, const StaticPorts& outputs) {
  if (parts.empty()) return internal_error("static decoder", "has no parts");
  StaticChain chain;
  for (const StaticPart& part : parts) LAP_RETURN_IF_ERROR(chain.add(part, inputs, outputs));
  for (const auto& [name, port] : outputs) {
    if (chain.find(name) == nullptr) {
      return wrong(parts.back(), "has no output '" + name + "', nor has a part before it");
    }
  }
  return chain;
}

StaticBuffer* StaticChain::find(const std::string& name) {
  const auto found = buffers_.find(name);
  return found == buffers_.end() ? nullptr : &found->second;
}

Status StaticChain::run() {
  for (ort::Binding& binding : bindings_) LAP_RETURN_IF_ERROR(binding.run());
  return {};
}

}  // namespace lapidary::runtime
