#include "engine/fixed_graphs.h"

#include <string>
#include <utility>

#include "contract/component.h"
#include "engine/component.h"
#include "engine/port_check.h"
#include "engine/text_graphs.h"

namespace lapidary::engine {
namespace {

constexpr const char* kDecoder = name_of(contract::Component::kDecoder);

using package::GraphRecord;

Result<FixedPart> open_part(const package::Package& package, const GraphRecord& part,
                            const ResolvedDevice& device, const ort::SessionOptions& options) {
  LAP_ASSIGN_OR_RETURN(ort::Session session,
                       ort::Session::open(package.path(device.file(part)), options));
  LAP_RETURN_IF_ERROR(check_against_manifest(session, part));
  return FixedPart{std::move(session), part};
}

// ONNX Runtime hands contexts from one session of the process to the next: a binary that holds
// graphs of several sessions is loaded by the first of them. The last one lets go of what is left.
void share_contexts(ort::SessionOptions& options, bool last) {
  options.config.emplace_back("ep.share_ep_contexts", "1");
  if (last) options.config.emplace_back("ep.stop_share_ep_contexts", "1");
}

}  // namespace

Result<std::shared_ptr<const FixedGraphs>> FixedGraphs::open(const package::Package& package,
                                                             const ort::SessionOptions& options,
                                                             const ResolvedDevice& device,
                                                             const Work& work) {
  const package::Manifest& manifest = package.manifest;
  const auto prefill = manifest.parts(kDecoder, contract::Role::kPrefill);
  const auto decode = manifest.parts(kDecoder, contract::Role::kDecode);
  work.stage("load", 1 + prefill.size() + decode.size(), Unit::kGraphs);
  LAP_ASSIGN_OR_RETURN(ort::Session embedding, open_embedding(package, options));
  work.advance(1);
  FixedGraphs out{manifest.text, *manifest.fixed_model, std::move(embedding), {}, {}};
  // The two graphs of a part one after the other, so that no more than one binary waits for its
  // second session. There are never more prefill parts than decode parts.
  for (size_t i = 0; i < decode.size(); ++i) {
    if (work.is_cancelled()) return cancelled();
    ort::SessionOptions chosen = options;
    chosen.execution_provider = device.provider;
    // One pool of a process may spin: that of the graph which runs most.
    if (decode.size() > 1) chosen.spinning = false;
    if (i < prefill.size()) {
      ort::SessionOptions quiet = chosen;
      quiet.spinning = false;
      if (device.provider) share_contexts(quiet, false);
      LAP_ASSIGN_OR_RETURN(FixedPart part, open_part(package, *prefill[i], device, quiet));
      out.prefill.push_back(std::move(part));
      work.advance(1);
    }
    if (device.provider) share_contexts(chosen, i + 1 == decode.size());
    LAP_ASSIGN_OR_RETURN(FixedPart part, open_part(package, *decode[i], device, chosen));
    out.decode.push_back(std::move(part));
    work.advance(1);
  }
  return std::shared_ptr<const FixedGraphs>(std::make_shared<FixedGraphs>(std::move(out)));
}

}  // namespace lapidary::engine
