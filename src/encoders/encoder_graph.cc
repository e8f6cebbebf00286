#include "encoders/encoder_graph.h"

#include "contract/ports.h"
#include "encoders/fixed_audio_inputs.h"
#include "encoders/fixed_vision_inputs.h"
#include "engine/coded_values.h"
#include "engine/component.h"

namespace lapidary::encoders {

namespace ports = contract::ports;

Result<EncoderGraph> EncoderGraph::open(const package::Package& package, const EncoderPorts& ports,
                                        const ort::SessionOptions& options,
                                        const engine::ResolvedDevice& device) {
  const char* const name = name_of(ports.component);
  LAP_ASSIGN_OR_RETURN(
      ort::Session session,
      engine::open_component(package, name, ports.inputs, {ports.features}, options, device));
  LAP_ASSIGN_OR_RETURN(const package::GraphRecord* record, package.component(name));
  return EncoderGraph(std::move(session), *record, package.manifest, ports.features.name);
}

Result<std::vector<float>> EncoderGraph::run(const media::ImagePatches& patches) const {
  if (vision_.fixed_encoder) {
    LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> values,
                         fixed_vision_inputs(patches, vision_));
    return run_fixed_length(std::move(values), patches.soft_tokens);
  }
  const int64_t count = patches.patches;
  const int64_t width = static_cast<int64_t>(patches.pixel_values.size()) / count;
  return run_any_length(
      {{ports::kPixelValues, ort::input_view(patches.pixel_values, {1, count, width})},
       {ports::kPixelPositionIds, ort::input_view(patches.position_ids, {1, count, 2})}},
      patches.soft_tokens);
}

Result<std::vector<float>> EncoderGraph::run(const media::LogMel& mel) const {
  const int64_t soft_tokens = media::audio_soft_tokens(mel.input_features_mask);
  if (audio_.fixed_encoder) {
    LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> values, fixed_audio_inputs(mel, audio_));
    return run_fixed_length(std::move(values), soft_tokens);
  }
  return run_any_length(
      {{ports::kInputFeatures, ort::input_view(mel.input_features, {1, mel.frames, mel.bins})},
       {ports::kInputFeaturesMask, ort::input_view(mel.input_features_mask, {1, mel.frames})}},
      soft_tokens);
}

Result<std::vector<float>> EncoderGraph::run_any_length(const std::vector<View>& inputs,
                                                        int64_t soft_tokens) const {
  std::vector<float> features(static_cast<size_t>(soft_tokens * hidden_));
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, session_.bind());
  for (const View& each : inputs) {
    LAP_RETURN_IF_ERROR(binding.input(each.input, each.values));
  }
  LAP_RETURN_IF_ERROR(
      binding.output(features_, {DType::kFloat, features.data(), {soft_tokens, hidden_}}));
  LAP_RETURN_IF_ERROR(binding.run());
  return features;
}

Result<std::vector<float>> EncoderGraph::run_fixed_length(std::vector<ort::HostTensor> values,
                                                          int64_t soft_tokens) const {
  LAP_ASSIGN_OR_RETURN(const std::vector<ort::HostTensor> inputs,
                       engine::coded_inputs(record_, std::move(values)));
  LAP_ASSIGN_OR_RETURN(const std::vector<ort::HostTensor> outputs, session_.run(inputs));
  LAP_ASSIGN_OR_RETURN(std::vector<float> features,
                       engine::decoded_output(record_, outputs, features_));
  features.resize(static_cast<size_t>(soft_tokens * hidden_));
  return features;
}

}  // namespace lapidary::encoders
