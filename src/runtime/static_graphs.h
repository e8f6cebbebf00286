// The graphs of a decoder of fixed lengths (passes/static_llm.h), loaded. Immutable; any number of
// Decoders may share one.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "ort/session.h"
#include "package/package.h"
#include "runtime/device.h"

namespace lapidary::runtime {

// One of the graphs that a run passes through one after the other.
struct StaticPart {
  ort::Session session;
  package::Component record;  // what the integers of its ports stand for
};

struct StaticGraphs {
  package::TextModel text;
  package::StaticModel model;
  ort::Session embedding;  // of any length, float32, always on the CPU
  std::vector<StaticPart> prefill;
  std::vector<StaticPart> decode;

  // Opens what `device` runs. Both graphs of a part may lie in one binary, which is loaded once.
  // Errors: as TextGraphs::open.
  static Result<std::shared_ptr<const StaticGraphs>> open(const package::Package& package,
                                                          const ort::SessionOptions& options,
                                                          const ResolvedDevice& device);
};

}  // namespace lapidary::runtime
