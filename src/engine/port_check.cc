#include "engine/port_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lapidary::engine {
namespace {

const char* const kRemedy = "build the package again";

std::string dims_text(const std::vector<std::string>& dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

std::vector<std::string> dim_names(const ort::Port& port) {
  std::vector<std::string> names;
  for (size_t i = 0; i < port.dims.size(); ++i) {
    names.push_back(port.dims[i] >= 0 ? std::to_string(port.dims[i]) : port.symbols[i]);
  }
  return names;
}

std::vector<std::string> dim_names(const PortRule& rule) {
  std::vector<std::string> names;
  for (const int64_t dim : rule.dims) names.push_back(dim >= 0 ? std::to_string(dim) : "?");
  return names;
}

Error mismatch(const ort::Session& session, const std::string& what) {
  return bad_input(session.path().string(), what, kRemedy);
}

bool dims_suit(const ort::Port& port, const PortRule& rule) {
  if (port.dims.size() != rule.dims.size()) return false;
  for (size_t i = 0; i < rule.dims.size(); ++i) {
    const bool free = rule.dims[i] < 0 || port.dims[i] < 0;
    if (!free && rule.dims[i] != port.dims[i]) return false;
  }
  return true;
}

bool dtype_suits(const ort::Port& port, const PortRule& rule) {
  if (rule.dtype != kAnyNumbers) return port.dtype == rule.dtype;
  constexpr std::array kNumbers = {"float32", "float16", "uint16", "int16", "uint8", "int8"};
  return std::find(kNumbers.begin(), kNumbers.end(), port.dtype) != kNumbers.end();
}

Status check_rules(const ort::Session& session, const std::string& kind,
                   const std::vector<ort::Port>& ports, const std::vector<PortRule>& rules) {
  for (const PortRule& rule : rules) {
    const ort::Port* port = find_port(ports, rule.name);
    if (port == nullptr) {
      if (rule.presence == Presence::kMayBeAbsent) continue;
      return mismatch(session, fmt::format("has no {} '{}'", kind, rule.name));
    }
    if (!dtype_suits(*port, rule) || !dims_suit(*port, rule)) {
      return mismatch(session, fmt::format("{} '{}' is {} {}, expected {} {}", kind, rule.name,
                                           port->dtype, dims_text(dim_names(*port)), rule.dtype,
                                           dims_text(dim_names(rule))));
    }
  }
  return {};
}

Status check_listed(const ort::Session& session, const std::string& kind,
                    const std::vector<ort::Port>& ports, const std::vector<package::Port>& listed) {
  for (const package::Port& entry : listed) {
    const ort::Port* port = find_port(ports, entry.name);
    if (port == nullptr) {
      return mismatch(session, fmt::format("has no {} '{}', which {} lists", kind, entry.name,
                                           package::kManifestFile));
    }
    // Output shapes are inferred anew by ONNX Runtime and may be more general than those written.
    const bool shape = kind == "output" || dim_names(*port) == entry.shape;
    if (port->dtype != entry.dtype || !shape) {
      return mismatch(
          session, fmt::format("{} '{}' is {} {}, but {} says {} {}", kind, entry.name, port->dtype,
                               dims_text(dim_names(*port)), package::kManifestFile, entry.dtype,
                               dims_text(entry.shape)));
    }
  }
  for (const ort::Port& port : ports) {
    const bool known = std::any_of(listed.begin(), listed.end(), [&](const package::Port& entry) {
      return entry.name == port.name;
    });
    if (!known) {
      return mismatch(session, fmt::format("{} '{}' is not listed in {}", kind, port.name,
                                           package::kManifestFile));
    }
  }
  return {};
}

}  // namespace

const ort::Port* find_port(const std::vector<ort::Port>& ports, const std::string& name) {
  const auto at = std::find_if(ports.begin(), ports.end(),
                               [&](const ort::Port& port) { return port.name == name; });
  return at == ports.end() ? nullptr : &*at;
}

Status check_ports(const ort::Session& session, const std::vector<PortRule>& inputs,
                   const std::vector<PortRule>& outputs) {
  LAP_RETURN_IF_ERROR(check_rules(session, "input", session.inputs(), inputs));
  LAP_RETURN_IF_ERROR(check_rules(session, "output", session.outputs(), outputs));
  for (const ort::Port& port : session.inputs()) {
    const bool known = std::any_of(inputs.begin(), inputs.end(),
                                   [&](const PortRule& rule) { return rule.name == port.name; });
    if (!known && !port.optional) {
      return mismatch(session, fmt::format("input '{}' is not known to this version", port.name));
    }
  }
  return {};
}

Status check_against_manifest(const ort::Session& session, const package::GraphRecord& component) {
  LAP_RETURN_IF_ERROR(check_listed(session, "input", session.inputs(), component.inputs));
  return check_listed(session, "output", session.outputs(), component.outputs);
}

}  // namespace lapidary::engine
