#include "runtime/static_graphs.h"

#include <string>
#include <utility>

#include "runtime/component.h"
#include "runtime/port_check.h"
#include "runtime/text_graphs.h"

namespace lapidary::runtime {
namespace {

using package::Component;

Result<StaticPart> open_part(const package::Package& package, const Component& part,
                             const ResolvedDevice& device, const ort::SessionOptions& options) {
  LAP_ASSIGN_OR_RETURN(ort::Session session,
                       ort::Session::open(package.path(device.file(part)), options));
  LAP_RETURN_IF_ERROR(check_against_manifest(session, part));
  return StaticPart{std::move(session), part};
}

// ONNX Runtime hands contexts from one session of the process to the next: a binary that holds
// graphs of several sessions is loaded by the first of them. The last one lets go of what is left.
void share_contexts(ort::SessionOptions& options, bool last) {
  options.config.emplace_back("ep.share_ep_contexts", "1");
  if (last) options.config.emplace_back("ep.stop_share_ep_contexts", "1");
}

}  // namespace

Result<std::shared_ptr<const StaticGraphs>> StaticGraphs::open(const package::Package& package,
                                                               const ort::SessionOptions& options,
                                                               const ResolvedDevice& device) {
  const package::Manifest& manifest = package.manifest;
  LAP_ASSIGN_OR_RETURN(ort::Session embedding, open_embedding(package, options));
  StaticGraphs out{manifest.text, *manifest.static_model, std::move(embedding), {}, {}};
  const auto prefill = manifest.parts("decoder", package::kPrefillRole);
  const auto decode = manifest.parts("decoder", package::kDecodeRole);
  // The two graphs of a part one after the other, so that no more than one binary waits for its
  // second session. There are never more prefill parts than decode parts.
  for (size_t i = 0; i < decode.size(); ++i) {
    ort::SessionOptions chosen = options;
    chosen.execution_provider = device.provider;
    // One pool of a process may spin: that of the graph which runs most.
    if (decode.size() > 1) chosen.spinning = false;
    if (i < prefill.size()) {
      ort::SessionOptions quiet = chosen;
      quiet.spinning = false;
      if (device.provider) share_contexts(quiet, false);
      LAP_ASSIGN_OR_RETURN(StaticPart part, open_part(package, *prefill[i], device, quiet));
      out.prefill.push_back(std::move(part));
    }
    if (device.provider) share_contexts(chosen, i + 1 == decode.size());
    LAP_ASSIGN_OR_RETURN(StaticPart part, open_part(package, *decode[i], device, chosen));
    out.decode.push_back(std::move(part));
  }
  return std::shared_ptr<const StaticGraphs>(std::make_shared<StaticGraphs>(std::move(out)));
}

}  // namespace lapidary::runtime
