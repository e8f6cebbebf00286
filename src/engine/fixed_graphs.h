// The graphs of a decoder of fixed lengths (passes/fixed_shapes/static_llm.h), loaded. Immutable; any number of
// Decoders may share one.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "engine/device.h"
#include "ort/session.h"
#include "package/package.h"

namespace lapidary::engine {

// One of the graphs that a run passes through one after the other.
struct FixedPart {
  ort::Session session;
  package::GraphRecord record;  // what the integers of its ports stand for
};

struct FixedGraphs {
  package::TextModel text;
  package::FixedModel model;
  ort::Session embedding;  // of any length, float32, always on the CPU
  std::vector<FixedPart> prefill;
  std::vector<FixedPart> decode;

  // Opens what `device` runs. Both graphs of a part may lie in one binary, which is loaded once.
  // A stage counted in graphs. Errors: as TextGraphs::open.
  static Result<std::shared_ptr<const FixedGraphs>> open(const package::Package& package,
                                                         const ort::SessionOptions& options,
                                                         const ResolvedDevice& device,
                                                         const Work& work = {});
};

}  // namespace lapidary::engine
