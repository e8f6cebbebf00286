// Images and clips as the inputs of an encoder of fixed length: the samples that calibrate it.
//
//   LAP_ASSIGN_OR_RETURN(auto samples, vision_samples(media_of(sequences), processor, vision));
//   LAP_ASSIGN_OR_RETURN(quant::Ranges ranges, calibrate(graph, values, *samples, {}, options));
//   LAP_RETURN_IF_ERROR(set_fixed_encoder_ranges(graph, vision.fixed_encoder->masked, ranges));
//
// Memory: the paths, and the inputs of one sample. A file is read when its turn comes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "calibration/data.h"
#include "calibration/sample_source.h"
#include "checkpoint/processor_config.h"
#include "encoders/media_encoder.h"
#include "graph/graph.h"
#include "package/manifest.h"
#include "quant/ranges.h"

namespace lapidary::calibration {

// A file, and the first chat that shows it.
struct MediaUse {
  encoders::MediaItem item;
  std::string where;  // "chats.jsonl:3"
};

// Each file once, in the order of the chats.
std::vector<MediaUse> media_of(std::span<const Sequence> sequences);

class EncoderSamples : public SampleSource {
 public:
  // Of the sample that next() gave last: rows of the output that mean something.
  virtual int64_t soft_tokens() const = 0;
};

// Images and the frames of videos; clips are passed over. `processor` is fitted to the encoder
// (encoders/fitted_processor.h), `model` has its fixed_encoder. Errors, naming file and line: those
// of sample_video, and from next() those of the front end and of fixed_vision_inputs.
Result<std::unique_ptr<EncoderSamples>> vision_samples(std::span<const MediaUse> media,
                                                       const checkpoint::ProcessorConfig& processor,
                                                       const package::VisionModel& model);

// Clips; all else is passed over. Errors alike.
Result<std::unique_ptr<EncoderSamples>> audio_samples(std::span<const MediaUse> media,
                                                      const checkpoint::ProcessorConfig& processor,
                                                      const package::AudioModel& model);

// Sets what needs no samples, and what too few would get wrong: attention masks lie in [masked, 0],
// subsampled_mask in [0, 1], and pixels that the samples show within [0, 1] may be all of it.
Status set_fixed_encoder_ranges(const graph::Graph& graph, double masked, quant::Ranges& ranges);

}  // namespace lapidary::calibration
