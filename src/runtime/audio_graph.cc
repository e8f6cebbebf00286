#include "runtime/audio_graph.h"

#include <utility>

#include "runtime/coded_values.h"
#include "runtime/component.h"
#include "runtime/static_audio_inputs.h"

namespace lapidary::runtime {
namespace {

constexpr const char* kInputFeatures = "input_features";
constexpr const char* kInputFeaturesMask = "input_features_mask";
constexpr const char* kSubsampledMask = "subsampled_mask";
constexpr const char* kAttentionMask = "attention_mask";
constexpr const char* kAudioFeatures = "audio_features";
constexpr const char* kComponent = "audio_encoder";
constexpr int64_t kAny = -1;

struct Ports {
  std::vector<PortRule> inputs, outputs;
};

Ports ports_of(const package::AudioModel& model, int64_t mel_bins, int64_t hidden) {
  if (!model.static_encoder) {
    return {{{kInputFeatures, "float32", {kAny, kAny, mel_bins}},
             {kInputFeaturesMask, "bool", {kAny, kAny}}},
            {{kAudioFeatures, "float32", {kAny, hidden}}}};
  }
  const int64_t soft_tokens = model.static_encoder->soft_tokens;
  const int64_t chunk = model.attention_chunk_size;
  const int64_t context = model.attention_past + chunk + model.attention_future;
  return {{{kInputFeatures, kAnyNumbers, {1, 4 * soft_tokens, mel_bins}},
           {kSubsampledMask, kAnyNumbers, {1, 2 * soft_tokens}},
           {kAttentionMask, kAnyNumbers, {(soft_tokens + chunk - 1) / chunk, chunk, context}}},
          {{kAudioFeatures, kAnyNumbers, {soft_tokens, hidden}}}};
}

}  // namespace

Result<AudioGraph> AudioGraph::open(const package::Package& package, int64_t mel_bins,
                                    const ort::SessionOptions& options,
                                    const ResolvedDevice& device) {
  const package::AudioModel model = package.manifest.audio.value_or(package::AudioModel());
  const int64_t hidden = package.manifest.text.hidden_size;
  const Ports ports = ports_of(model, mel_bins, hidden);
  LAP_ASSIGN_OR_RETURN(ort::Session session, open_component(package, kComponent, ports.inputs,
                                                            ports.outputs, options, device));
  LAP_ASSIGN_OR_RETURN(const package::Component* record, package.component(kComponent));
  return AudioGraph(std::move(session), *record, model, hidden);
}

Result<std::vector<float>> AudioGraph::run(const media::LogMel& mel) const {
  return model_.static_encoder ? run_fixed_length(mel) : run_any_length(mel);
}

Result<std::vector<float>> AudioGraph::run_any_length(const media::LogMel& mel) const {
  using ort::ElementType;
  const int64_t soft_tokens = media::audio_soft_tokens(mel.input_features_mask);
  std::vector<float> features(static_cast<size_t>(soft_tokens * hidden_));
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, session_.bind());
  LAP_RETURN_IF_ERROR(binding.input(
      kInputFeatures, ort::input_view(mel.input_features, {1, mel.frames, mel.bins})));
  LAP_RETURN_IF_ERROR(
      binding.input(kInputFeaturesMask, ort::input_view(mel.input_features_mask, {1, mel.frames})));
  LAP_RETURN_IF_ERROR(binding.output(
      kAudioFeatures, {ElementType::kFloat32, features.data(), {soft_tokens, hidden_}}));
  LAP_RETURN_IF_ERROR(binding.run());
  return features;
}

Result<std::vector<float>> AudioGraph::run_fixed_length(const media::LogMel& mel) const {
  LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> values, static_audio_inputs(mel, model_));
  LAP_ASSIGN_OR_RETURN(const std::vector<ort::HostTensor> inputs,
                       coded_inputs(record_, std::move(values)));
  LAP_ASSIGN_OR_RETURN(const std::vector<ort::HostTensor> outputs, session_.run(inputs));
  LAP_ASSIGN_OR_RETURN(std::vector<float> features,
                       decoded_output(record_, outputs, kAudioFeatures));
  features.resize(static_cast<size_t>(media::audio_soft_tokens(mel.input_features_mask) * hidden_));
  return features;
}

}  // namespace lapidary::runtime
