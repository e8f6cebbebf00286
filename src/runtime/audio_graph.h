// A package's audio encoder: the log-mel frames of one clip to its soft tokens.
//
//   LAP_ASSIGN_OR_RETURN(AudioGraph graph, AudioGraph::open(package, mel_bins, options));
//   LAP_ASSIGN_OR_RETURN(std::vector<float> features, graph.run(mel));
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "media/log_mel.h"
#include "ort/session.h"
#include "package/package.h"
#include "runtime/device.h"

namespace lapidary::runtime {

class AudioGraph {
 public:
  // Errors: those of open_component.
  static Result<AudioGraph> open(const package::Package& package, int64_t mel_bins,
                                 const ort::SessionOptions& options,
                                 const ResolvedDevice& device = {});

  // [audio_soft_tokens(mel.input_features_mask), hidden]. Error: kInternal when the graph fails.
  Result<std::vector<float>> run(const media::LogMel& mel) const;

 private:
  AudioGraph(ort::Session session, int64_t hidden)
      : session_(std::move(session)), hidden_(hidden) {}

  ort::Session session_;
  int64_t hidden_;
};

}  // namespace lapidary::runtime
