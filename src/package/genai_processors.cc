#include "package/genai_processors.h"

#include <string>
#include <utility>

namespace lapidary::package {
namespace {

Json operation(const std::string& name, const std::string& type, Json attributes) {
  return {{"operation", {{"name", name}, {"type", type}, {"attrs", std::move(attributes)}}}};
}

}  // namespace

Json genai_image_processor(const checkpoint::ImageProcessorConfig& image) {
  Json transforms = Json::array();
  transforms.push_back(operation("decode_image", "DecodeImage", {{"color_space", "RGB"}}));
  transforms.push_back(operation("gemma4_image_transform", "Gemma4ImageTransform",
                                 {{"patch_size", image.patch_size},
                                  {"max_soft_tokens", image.max_soft_tokens},
                                  {"pooling_kernel_size", image.pooling_kernel_size}}));
  return {{"processor", {{"name", "gemma4_image"}, {"transforms", std::move(transforms)}}}};
}

// Whole numbers and fractions are different types to GenAI: it takes flags as 0 and 1, and
// milliseconds only with a decimal point.
Json genai_audio_processor(const checkpoint::AudioFeatureConfig& audio) {
  Json attributes = {{"feature_size", audio.feature_size},
                     {"sampling_rate", audio.sampling_rate},
                     {"frame_length_ms", audio.frame_length_ms},
                     {"hop_length_ms", audio.hop_length_ms},
                     {"min_frequency", audio.min_frequency},
                     {"max_frequency", audio.max_frequency},
                     {"preemphasis", audio.preemphasis},
                     {"preemphasis_htk_flavor", audio.preemphasis_htk_flavor ? 1 : 0},
                     {"fft_overdrive", audio.fft_overdrive ? 1 : 0},
                     {"mel_floor", audio.mel_floor}};
  if (!audio.per_bin_mean.empty()) attributes["per_bin_mean"] = audio.per_bin_mean;
  if (!audio.per_bin_stddev.empty()) attributes["per_bin_stddev"] = audio.per_bin_stddev;
  Json sequence = Json::array();
  sequence.push_back(operation("audio_decoder", "AudioDecoder", Json::object()));
  sequence.push_back(operation("gemma4_log_mel", "Gemma4LogMel", std::move(attributes)));
  return {{"feature_extraction", {{"sequence", std::move(sequence)}}}};
}

}  // namespace lapidary::package
