#include "runtime/static_graphs.h"

#include <string>
#include <utility>

#include "runtime/component.h"
#include "runtime/port_check.h"
#include "runtime/text_graphs.h"

namespace lapidary::runtime {
namespace {

Result<std::vector<StaticPart>> open_parts(const package::Package& package, const char* role,
                                           const ResolvedDevice& device,
                                           const ort::SessionOptions& options) {
  std::vector<StaticPart> out;
  for (const package::Component* part : package.manifest.parts("decoder", role)) {
    LAP_ASSIGN_OR_RETURN(ort::Session session,
                         ort::Session::open(package.path(device.file(*part)), options));
    LAP_RETURN_IF_ERROR(check_against_manifest(session, *part));
    out.push_back({std::move(session), *part});
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const StaticGraphs>> StaticGraphs::open(const package::Package& package,
                                                               const ort::SessionOptions& options,
                                                               const DeviceOptions& device) {
  LAP_ASSIGN_OR_RETURN(const ResolvedDevice resolved, resolve_device(package, device));
  LAP_ASSIGN_OR_RETURN(ort::Session embedding, open_embedding(package, options));
  ort::SessionOptions decode = options;
  decode.execution_provider = resolved.provider;
  ort::SessionOptions prefill = decode;
  // One pool of a process may spin: that of the graph which runs most.
  prefill.spinning = false;
  if (package.manifest.parts("decoder", package::kDecodeRole).size() > 1) decode.spinning = false;
  LAP_ASSIGN_OR_RETURN(std::vector<StaticPart> prefill_parts,
                       open_parts(package, package::kPrefillRole, resolved, prefill));
  LAP_ASSIGN_OR_RETURN(std::vector<StaticPart> decode_parts,
                       open_parts(package, package::kDecodeRole, resolved, decode));
  const package::Manifest& manifest = package.manifest;
  return std::shared_ptr<const StaticGraphs>(std::make_shared<StaticGraphs>(
      StaticGraphs{manifest.text, *manifest.static_model, std::move(embedding),
                   std::move(prefill_parts), std::move(decode_parts)}));
}

}  // namespace lapidary::runtime
