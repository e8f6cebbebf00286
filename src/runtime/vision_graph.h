// A package's vision encoder: patches of one picture to its soft tokens.
//
//   LAP_ASSIGN_OR_RETURN(VisionGraph graph, VisionGraph::open(package, patch_size, options));
//   LAP_ASSIGN_OR_RETURN(std::vector<float> features, graph.run(patches));
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "media/image_patches.h"
#include "ort/session.h"
#include "package/package.h"
#include "runtime/device.h"

namespace lapidary::runtime {

class VisionGraph {
 public:
  // Errors: those of open_component.
  static Result<VisionGraph> open(const package::Package& package, int64_t patch_size,
                                  const ort::SessionOptions& options,
                                  const ResolvedDevice& device = {});

  // [patches.soft_tokens, hidden]. Error: kInternal when the graph fails.
  Result<std::vector<float>> run(const media::ImagePatches& patches) const;

 private:
  VisionGraph(ort::Session session, int64_t hidden)
      : session_(std::move(session)), hidden_(hidden) {}

  ort::Session session_;
  int64_t hidden_;
};

}  // namespace lapidary::runtime
