// A package's encoder, of any length or of a fixed one: what a front end made of one picture or clip
// to its soft tokens. Pictures and sound differ in a table of ports (encoder_ports.h) and in how a
// fixed length is filled (fixed_vision_inputs.h, fixed_audio_inputs.h).
//
//   LAP_ASSIGN_OR_RETURN(EncoderGraph vision,
//                        EncoderGraph::open(package, vision_ports(package.manifest, 16), options));
//   LAP_ASSIGN_OR_RETURN(std::vector<float> features, vision.run(patches));
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "encoders/encoder_ports.h"
#include "engine/device.h"
#include "media/image_patches.h"
#include "media/log_mel.h"
#include "ort/session.h"
#include "package/package.h"

namespace lapidary::encoders {

class EncoderGraph {
 public:
  // Errors: those of open_component.
  static Result<EncoderGraph> open(const package::Package& package, const EncoderPorts& ports,
                                   const ort::SessionOptions& options,
                                   const engine::ResolvedDevice& device = {});

  // [patches.soft_tokens, hidden] and [audio_soft_tokens(mel.input_features_mask), hidden], of the
  // encoder that takes them. Errors: kBadInput for more soft tokens than an encoder of fixed length
  // takes, kInternal when the graph fails.
  Result<std::vector<float>> run(const media::ImagePatches& patches) const;
  Result<std::vector<float>> run(const media::LogMel& mel) const;

 private:
  struct View {
    const char* input;
    ort::TensorView values;
  };
  EncoderGraph(ort::Session session, package::GraphRecord record, const package::Manifest& manifest,
               std::string features)
      : session_(std::move(session)),
        record_(std::move(record)),
        vision_(manifest.vision.value_or(package::VisionModel())),
        audio_(manifest.audio.value_or(package::AudioModel())),
        hidden_(manifest.text.hidden_size),
        features_(std::move(features)) {}

  Result<std::vector<float>> run_any_length(const std::vector<View>& inputs,
                                            int64_t soft_tokens) const;
  // The rows of padding are left out.
  Result<std::vector<float>> run_fixed_length(std::vector<ort::HostTensor> values,
                                              int64_t soft_tokens) const;

  ort::Session session_;
  package::GraphRecord record_;
  package::VisionModel vision_;
  package::AudioModel audio_;
  int64_t hidden_;
  std::string features_;  // the output
};

}  // namespace lapidary::encoders
