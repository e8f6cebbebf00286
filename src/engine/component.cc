#include "engine/component.h"

namespace lapidary::engine {

Result<ort::Session> open_graph(const package::Package& package, const package::GraphRecord& graph,
                                const ort::SessionOptions& options, const ResolvedDevice& device) {
  const std::string& file = device.file(graph);
  LAP_ASSIGN_OR_RETURN(const std::filesystem::path path, package.listed(file));
  LAP_RETURN_IF_ERROR(package.check_references(file));
  LAP_ASSIGN_OR_RETURN(ort::Session session, ort::Session::open(path, options));
  LAP_RETURN_IF_ERROR(check_against_manifest(session, graph));
  return session;
}

Result<ort::Session> open_component(const package::Package& package, const std::string& name,
                                    const std::vector<PortRule>& inputs,
                                    const std::vector<PortRule>& outputs,
                                    const ort::SessionOptions& options,
                                    const ResolvedDevice& device) {
  LAP_ASSIGN_OR_RETURN(const package::GraphRecord* component, package.component(name));
  ort::SessionOptions chosen = options;
  if (device.runs(*component)) chosen.execution_provider = device.provider;
  LAP_ASSIGN_OR_RETURN(ort::Session session, open_graph(package, *component, chosen, device));
  LAP_RETURN_IF_ERROR(check_ports(session, inputs, outputs));
  return session;
}

}  // namespace lapidary::engine
