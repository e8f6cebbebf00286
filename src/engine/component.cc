#include "engine/component.h"

namespace lapidary::engine {

Result<ort::Session> open_component(const package::Package& package, const std::string& name,
                                    const std::vector<PortRule>& inputs,
                                    const std::vector<PortRule>& outputs,
                                    const ort::SessionOptions& options,
                                    const ResolvedDevice& device) {
  LAP_ASSIGN_OR_RETURN(const package::GraphRecord* component, package.component(name));
  ort::SessionOptions chosen = options;
  if (device.runs(*component)) chosen.execution_provider = device.provider;
  LAP_ASSIGN_OR_RETURN(ort::Session session,
                       ort::Session::open(package.path(device.file(*component)), chosen));
  LAP_RETURN_IF_ERROR(check_against_manifest(session, *component));
  LAP_RETURN_IF_ERROR(check_ports(session, inputs, outputs));
  return session;
}

}  // namespace lapidary::engine
