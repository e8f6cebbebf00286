#include "encoders/audio_graph.h"

#include <utility>

#include "contract/component.h"
#include "contract/ports.h"
#include "encoders/fixed_audio_inputs.h"
#include "engine/coded_values.h"
#include "engine/component.h"

namespace lapidary::encoders {
namespace {

namespace ports = contract::ports;

constexpr const char* kComponent = name_of(contract::Component::kAudioEncoder);
constexpr int64_t kAny = -1;

struct Ports {
  std::vector<engine::PortRule> inputs, outputs;
};

Ports ports_of(const package::AudioModel& model, int64_t mel_bins, int64_t hidden) {
  if (!model.fixed_encoder) {
    return {{{ports::kInputFeatures, "float32", {kAny, kAny, mel_bins}},
             {ports::kInputFeaturesMask, "bool", {kAny, kAny}}},
            {{ports::kAudioFeatures, "float32", {kAny, hidden}}}};
  }
  const int64_t soft_tokens = model.fixed_encoder->soft_tokens;
  const int64_t chunk = model.attention_chunk_size;
  const int64_t context = model.attention_past + chunk + model.attention_future;
  return {{{ports::kInputFeatures, engine::kAnyNumbers, {1, 4 * soft_tokens, mel_bins}},
           {ports::kSubsampledMask, engine::kAnyNumbers, {1, 2 * soft_tokens}},
           {ports::kAttentionMask,
            engine::kAnyNumbers,
            {(soft_tokens + chunk - 1) / chunk, chunk, context}}},
          {{ports::kAudioFeatures, engine::kAnyNumbers, {soft_tokens, hidden}}}};
}

}  // namespace

Result<AudioGraph> AudioGraph::open(const package::Package& package, int64_t mel_bins,
                                    const ort::SessionOptions& options,
                                    const engine::ResolvedDevice& device) {
  const package::AudioModel model = package.manifest.audio.value_or(package::AudioModel());
  const int64_t hidden = package.manifest.text.hidden_size;
  const Ports ports = ports_of(model, mel_bins, hidden);
  LAP_ASSIGN_OR_RETURN(
      ort::Session session,
      engine::open_component(package, kComponent, ports.inputs, ports.outputs, options, device));
  LAP_ASSIGN_OR_RETURN(const package::Component* record, package.component(kComponent));
  return AudioGraph(std::move(session), *record, model, hidden);
}

Result<std::vector<float>> AudioGraph::run(const media::LogMel& mel) const {
  return model_.fixed_encoder ? run_fixed_length(mel) : run_any_length(mel);
}

Result<std::vector<float>> AudioGraph::run_any_length(const media::LogMel& mel) const {
  using ort::ElementType;
  const int64_t soft_tokens = media::audio_soft_tokens(mel.input_features_mask);
  std::vector<float> features(static_cast<size_t>(soft_tokens * hidden_));
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, session_.bind());
  LAP_RETURN_IF_ERROR(binding.input(
      ports::kInputFeatures, ort::input_view(mel.input_features, {1, mel.frames, mel.bins})));
  LAP_RETURN_IF_ERROR(binding.input(ports::kInputFeaturesMask,
                                    ort::input_view(mel.input_features_mask, {1, mel.frames})));
  LAP_RETURN_IF_ERROR(binding.output(
      ports::kAudioFeatures, {ElementType::kFloat32, features.data(), {soft_tokens, hidden_}}));
  LAP_RETURN_IF_ERROR(binding.run());
  return features;
}

Result<std::vector<float>> AudioGraph::run_fixed_length(const media::LogMel& mel) const {
  LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> values, fixed_audio_inputs(mel, model_));
  LAP_ASSIGN_OR_RETURN(const std::vector<ort::HostTensor> inputs,
                       engine::coded_inputs(record_, std::move(values)));
  LAP_ASSIGN_OR_RETURN(const std::vector<ort::HostTensor> outputs, session_.run(inputs));
  LAP_ASSIGN_OR_RETURN(std::vector<float> features,
                       engine::decoded_output(record_, outputs, ports::kAudioFeatures));
  features.resize(static_cast<size_t>(media::audio_soft_tokens(mel.input_features_mask) * hidden_));
  return features;
}

}  // namespace lapidary::encoders
