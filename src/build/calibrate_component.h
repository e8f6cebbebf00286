// What the passes of a component ask of calibration data: ranges and second moments of activations;
// and, once a component is saved, how far it is from the float graph.
//
//   Calibrator calibrator(recipe, checkpoint, plan.traits, staging,
//                         {.data = data, .manifest = &manifest});
//   LAP_ASSIGN_OR_RETURN(
//       PlannedComponent decoder,
//       plan_component("decoder", recipe, checkpoint, source_hash, calibrator.context("decoder")));
//   const quant::Ranges& ranges = calibrator.ranges("decoder");  // shipped in the package
//
// Encoders of fixed length see the images and clips of the data. The decoder sees texts and chats
// through the package's own embedding, and their images and clips through its own encoders, as it
// will when it runs. So encoders and embedding are saved before the decoder is calibrated.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "build/calibration_data.h"
#include "calibration/decoder_samples.h"
#include "calibration/encoder_samples.h"
#include "calibration/observed_run.h"
#include "calibration/sample_source.h"
#include "checkpoint/checkpoint.h"
#include "engine/prompt.h"
#include "graph/graph.h"
#include "package/manifest.h"
#include "passes/pass.h"
#include "quant/ranges.h"
#include "recipe/recipe.h"

namespace lapidary::build {

struct CalibratorOptions {
  std::shared_ptr<const CalibrationData> data = nullptr;  // null: nothing can be calibrated
  // Of what stands in `staging`: components that are saved, and the text, vision and audio models
  // with the lengths of static encoders. Looked at when the decoder is calibrated.
  const package::Manifest* manifest = nullptr;
  Work work = {};
};

class Calibrator {
 public:
  // `traits`: of the target that the graphs are for, as Plan has them.
  Calibrator(const recipe::Recipe& recipe, const checkpoint::Checkpoint& checkpoint,
             target::QuantizationTraits traits, std::filesystem::path staging,
             CalibratorOptions options);

  // Valid as long as the Calibrator. Errors of its calls: no data; an encoder, with data that shows
  // it nothing; an encoder or a decoder for any length; the embedding; a MediaEncoder's; those of
  // calibration::calibrate and collect_moments.
  passes::PassContext context(const std::string& component);
  // All that was found for the component so far.
  const quant::Ranges& ranges(const std::string& component) { return ranges_[component]; }
  // What the manifest says of it; nullptr: the component was not calibrated by this Calibrator.
  const package::Calibration* record(const std::string& component) const;
  // The float graph that ranges were last found on; nullptr: as record().
  const graph::Graph* float_graph(const std::string& component) const;
  // How the saved component, on the CPU, agrees with `reference`, its float graph of the same fixed
  // lengths: for the decoder the calibration graph. On kAgreementSamples of the data at most, for
  // the decoder prompts that are short, or how prompts begin (decoder_agreement.h). The manifest
  // must have the component. Errors as of context(); kBadInput when there is no prompt of two
  // tokens.
  Result<package::Agreement> agreement(const std::string& component, const graph::Graph& reference);
  static constexpr size_t kAgreementSamples = 4;

 private:
  Result<quant::Ranges> calibrate(const std::string& component,
                                  const passes::CalibrationRequest& request);
  Result<quant::Moments> moments(const std::string& component,
                                 const passes::MomentRequest& request);
  Result<std::vector<calibration::Sequence>> sequences(const std::string& component,
                                                       const std::string& data_config) const;
  // The samples of a component, made from the data that a pass names.
  Result<std::unique_ptr<calibration::SampleSource>> samples(const std::string& component,
                                                             const graph::Graph& graph,
                                                             const std::string& data_config);
  Result<calibration::DecoderSamples> decoder_samples(const graph::Graph& graph,
                                                      std::vector<engine::Prompt> data) const;
  Result<package::Agreement> decoder_agreement(const graph::Graph& reference);
  Result<std::unique_ptr<calibration::EncoderSamples>> encoder_samples(
      const std::string& component, std::span<const calibration::MediaUse> media) const;
  Result<std::vector<engine::Prompt>> prompts(const std::string& data_config);
  // Encodes by what stands in `staging`.
  Result<encoders::MediaEncoder> saved_encoders() const;
  Result<package::Manifest> model() const;
  void note(const std::string& component, const passes::CalibrationRequest& request,
            const std::string& data_key, int64_t samples,
            const std::vector<calibration::Sequence>& shown);
  calibration::RunOptions run_options() const;
  ort::SessionOptions session_options() const;

  const recipe::Recipe& recipe_;
  const checkpoint::Checkpoint& checkpoint_;
  target::QuantizationTraits traits_;
  std::filesystem::path staging_;
  CalibratorOptions options_;
  std::map<std::string, quant::Ranges> ranges_;                 // by component
  std::map<std::string, package::Calibration> records_;         // by component
  std::map<std::string, graph::Graph> graphs_;                  // by component
  std::map<std::string, std::vector<engine::Prompt>> prompts_;  // by data_config
};

}  // namespace lapidary::build
