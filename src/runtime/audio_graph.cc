#include "runtime/audio_graph.h"

#include <utility>

#include "runtime/component.h"

namespace lapidary::runtime {
namespace {

constexpr const char* kInputFeatures = "input_features";
constexpr const char* kInputFeaturesMask = "input_features_mask";
constexpr const char* kAudioFeatures = "audio_features";
constexpr int64_t kAny = -1;

}  // namespace

Result<AudioGraph> AudioGraph::open(const package::Package& package, int64_t mel_bins,
                                    const ort::SessionOptions& options,
                                    const ResolvedDevice& device) {
  const int64_t hidden = package.manifest.text.hidden_size;
  const std::vector<PortRule> inputs = {{kInputFeatures, "float32", {kAny, kAny, mel_bins}},
                                        {kInputFeaturesMask, "bool", {kAny, kAny}}};
  const std::vector<PortRule> outputs = {{kAudioFeatures, "float32", {kAny, hidden}}};
  LAP_ASSIGN_OR_RETURN(ort::Session session,
                       open_component(package, "audio_encoder", inputs, outputs, options, device));
  return AudioGraph(std::move(session), hidden);
}

Result<std::vector<float>> AudioGraph::run(const media::LogMel& mel) const {
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

}  // namespace lapidary::runtime
