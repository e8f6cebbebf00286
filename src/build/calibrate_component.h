// What the passes of a component ask of calibration data: ranges and second moments of activations;
// and, once a component is saved, how far it is from the float graph.
//
//   LAP_ASSIGN_OR_RETURN(CalibratedComponent decoder,
//                        calibrate_component(planned, {recipe, checkpoint, traits, data}, saved));
//   save(decoder.component, decoder.ranges);  // both are shipped in the package
//   LAP_ASSIGN_OR_RETURN(package::Agreement agreement,
//                        agreement_of(decoder, {recipe, checkpoint, traits, data}, with_decoder));
//
// Encoders of fixed length see the images and clips of the data. The decoder sees texts and chats
// through the package's own embedding, and their images and clips through its own encoders, as it
// will when it runs. So encoders and embedding are saved before the decoder is calibrated.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "build/calibration_data.h"
#include "build/plan.h"
#include "checkpoint/checkpoint.h"
#include "engine/prompt.h"
#include "graph/graph.h"
#include "package/manifest.h"
#include "package/package.h"
#include "quant/ranges.h"
#include "recipe/recipe.h"
#include "target/quantization_traits.h"

namespace lapidary::build {

// What every component of a build is calibrated with; only read.
struct CalibrationSources {
  const recipe::Recipe& recipe;
  const checkpoint::Checkpoint& checkpoint;
  const target::QuantizationTraits& traits;  // of the target that the graphs are for: Plan::traits
  const CalibrationData& data;
  Work work = {};
};

struct CalibratedComponent {
  PlannedComponent component;  // with the encodings that were found
  quant::Ranges ranges;        // all that were found
  // What the manifest says of it, and the float graph that ranges were last found on. Nothing when
  // the passes asked for moments alone.
  std::optional<package::Calibration> record;
  graph::Graph float_graph;
  // The data with soft tokens, by data_config: of a decoder, whose agreement is measured on it too.
  std::map<std::string, std::vector<engine::Prompt>> prompts;
};

// `saved`: the folder where the build writes, and what stands there: for a decoder the embedding
// and, when the data has media, the encoders; the text, vision and audio models with the lengths of
// static encoders. Floats are run in that folder too. Errors: an encoder, with data that shows it
// nothing; an encoder or a decoder for any length; the embedding; a MediaEncoder's; those of
// with_ranges, calibration::calibrate and collect_moments.
Result<CalibratedComponent> calibrate_component(PlannedComponent planned,
                                                const CalibrationSources& sources,
                                                const package::Package& saved);

// How the saved component, on the CPU, agrees with its float graph of the same fixed lengths: for
// the decoder the calibration graph. On kAgreementSamples of the data at most, for the decoder
// prompts that are short, or how prompts begin (decoder_agreement.h). `saved` has the component
// too. Errors as of calibrate_component; kBadInput when there is no prompt of two tokens.
Result<package::Agreement> agreement_of(const CalibratedComponent& calibrated,
                                        const CalibrationSources& sources,
                                        const package::Package& saved);
inline constexpr size_t kAgreementSamples = 4;

}  // namespace lapidary::build
