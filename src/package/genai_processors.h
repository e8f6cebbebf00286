// image_processor.json and audio_feature_extraction.json: ONNX Runtime GenAI's front ends,
// described to it (measured: GenAI 0.18, which follows onnxruntime-extensions' Gemma4ImageTransform
// and Gemma4LogMel).
//
//   {"processor": {"name": ..., "transforms": [{"operation": {"name", "type", "attrs"}}, ...]}}
//   {"feature_extraction": {"sequence": [{"operation": {"name", "type", "attrs"}}, ...]}}
//
// They are not ours: our runtime reads processor_config.json. What that file says and GenAI's front
// ends have no attribute for (resample, do_normalize, dither, input_scale_factor) they pass over.
#pragma once

#include "base/json.h"
#include "checkpoint/processor_config.h"

namespace lapidary::package {

inline constexpr const char* kImageProcessorFile = "image_processor.json";
inline constexpr const char* kAudioProcessorFile = "audio_feature_extraction.json";

Json genai_image_processor(const checkpoint::ImageProcessorConfig& image);
Json genai_audio_processor(const checkpoint::AudioFeatureConfig& audio);

}  // namespace lapidary::package
