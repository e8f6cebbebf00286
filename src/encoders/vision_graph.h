// A package's vision encoder, of any length or of a fixed one: patches of one picture to its soft
// tokens.
//
//   LAP_ASSIGN_OR_RETURN(VisionGraph graph, VisionGraph::open(package, patch_size, options));
//   LAP_ASSIGN_OR_RETURN(std::vector<float> features, graph.run(patches));
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/device.h"
#include "media/image_patches.h"
#include "ort/session.h"
#include "package/package.h"

namespace lapidary::encoders {

class VisionGraph {
 public:
  // Errors: those of open_component.
  static Result<VisionGraph> open(const package::Package& package, int64_t patch_size,
                                  const ort::SessionOptions& options,
                                  const engine::ResolvedDevice& device = {});

  // [patches.soft_tokens, hidden]. Errors: kBadInput for a picture of more soft tokens than an
  // encoder of fixed length takes, kInternal when the graph fails.
  Result<std::vector<float>> run(const media::ImagePatches& patches) const;

 private:
  VisionGraph(ort::Session session, package::Component record, const package::VisionModel& model,
              int64_t hidden)
      : session_(std::move(session)), record_(std::move(record)), model_(model), hidden_(hidden) {}

  Result<std::vector<float>> run_any_length(const media::ImagePatches& patches) const;
  Result<std::vector<float>> run_fixed_length(const media::ImagePatches& patches) const;

  ort::Session session_;
  package::Component record_;
  package::VisionModel model_;
  int64_t hidden_;
};

}  // namespace lapidary::encoders
