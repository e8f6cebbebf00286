#include "runtime/component.h"

namespace lapidary::runtime {

Result<ort::Session> open_component(const package::Package& package, const std::string& name,
                                    const std::vector<PortRule>& inputs,
                                    const std::vector<PortRule>& outputs,
                                    const ort::SessionOptions& options) {
  LAP_ASSIGN_OR_RETURN(const package::Component* component, package.component(name));
  LAP_ASSIGN_OR_RETURN(ort::Session session,
                       ort::Session::open(package.path(component->file), options));
  LAP_RETURN_IF_ERROR(check_against_manifest(session, *component));
  LAP_RETURN_IF_ERROR(check_ports(session, inputs, outputs));
  return session;
}

}  // namespace lapidary::runtime
