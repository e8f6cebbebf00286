// A package's audio encoder, of any length or of a fixed one: the log-mel frames of one clip to its
// soft tokens.
//
//   LAP_ASSIGN_OR_RETURN(AudioGraph graph, AudioGraph::open(package, mel_bins, options));
//   LAP_ASSIGN_OR_RETURN(std::vector<float> features, graph.run(mel));
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/device.h"
#include "media/log_mel.h"
#include "ort/session.h"
#include "package/package.h"

namespace lapidary::encoders {

class AudioGraph {
 public:
  // Errors: those of open_component.
  static Result<AudioGraph> open(const package::Package& package, int64_t mel_bins,
                                 const ort::SessionOptions& options,
                                 const engine::ResolvedDevice& device = {});

  // [audio_soft_tokens(mel.input_features_mask), hidden]. Errors: kBadInput for a clip of more soft
  // tokens than an encoder of fixed length takes, kInternal when the graph fails.
  Result<std::vector<float>> run(const media::LogMel& mel) const;

 private:
  AudioGraph(ort::Session session, package::Component record, package::AudioModel model,
             int64_t hidden)
      : session_(std::move(session)), record_(std::move(record)), model_(model), hidden_(hidden) {}

  Result<std::vector<float>> run_any_length(const media::LogMel& mel) const;
  Result<std::vector<float>> run_fixed_length(const media::LogMel& mel) const;

  ort::Session session_;
  package::Component record_;
  package::AudioModel model_;
  int64_t hidden_;
};

}  // namespace lapidary::encoders
