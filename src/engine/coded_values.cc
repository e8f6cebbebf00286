#include "engine/coded_values.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/port_codec.h"

namespace lapidary::engine {
namespace {

Result<PortCodec> codec_of(const package::GraphRecord& component,
                           const std::vector<package::Port>& ports, const std::string& name) {
  const auto port = std::find_if(ports.begin(), ports.end(),
                                 [&](const package::Port& each) { return each.name == name; });
  if (port == ports.end()) {
    return internal_error(component.name, fmt::format("has no port '{}'", name));
  }
  return PortCodec::create(port->dtype, port->encoding,
                           fmt::format("{}: '{}'", component.file, name));
}

std::vector<float> floats_of(const ort::HostTensor& tensor) {
  std::vector<float> out(tensor.data.size() / sizeof(float));
  std::memcpy(out.data(), tensor.data.data(), out.size() * sizeof(float));
  return out;
}

}  // namespace

Result<std::vector<ort::HostTensor>> coded_inputs(const package::GraphRecord& component,
                                                  std::vector<ort::HostTensor> values) {
  for (ort::HostTensor& tensor : values) {
    if (tensor.type != DType::kFloat) continue;
    LAP_ASSIGN_OR_RETURN(const PortCodec codec, codec_of(component, component.inputs, tensor.name));
    if (codec.type() == DType::kFloat) continue;
    const std::vector<float> floats = floats_of(tensor);
    tensor.type = codec.type();
    tensor.data.resize(floats.size() * codec.element_bytes());
    codec.encode(floats, tensor.data.data());
  }
  return values;
}

Result<std::vector<float>> decoded_output(const package::GraphRecord& component,
                                          const std::vector<ort::HostTensor>& outputs,
                                          const std::string& name) {
  LAP_ASSIGN_OR_RETURN(const PortCodec codec, codec_of(component, component.outputs, name));
  const auto output = std::find_if(outputs.begin(), outputs.end(),
                                   [&](const ort::HostTensor& each) { return each.name == name; });
  if (output == outputs.end() || output->type != codec.type()) {
    return internal_error(component.file,
                          fmt::format("gave no output '{}' of the type it declares", name));
  }
  std::vector<float> out(output->data.size() / codec.element_bytes());
  codec.decode(output->data.data(), out);
  return out;
}

}  // namespace lapidary::engine
