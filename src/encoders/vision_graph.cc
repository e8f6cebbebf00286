#include "encoders/vision_graph.h"

#include <utility>

#include "contract/component.h"
#include "contract/ports.h"
#include "encoders/fixed_vision_inputs.h"
#include "engine/coded_values.h"
#include "engine/component.h"

namespace lapidary::encoders {
namespace {

namespace ports = contract::ports;

constexpr const char* kComponent = name_of(contract::Component::kVisionEncoder);
constexpr int64_t kAny = -1;

struct Ports {
  std::vector<engine::PortRule> inputs, outputs;
};

Ports ports_of(const package::VisionModel& model, int64_t patch_elements, int64_t hidden) {
  if (!model.fixed_encoder) {
    return {{{ports::kPixelValues, "float32", {kAny, kAny, patch_elements}},
             {ports::kPixelPositionIds, "int64", {kAny, kAny, 2}}},
            {{ports::kImageFeatures, "float32", {kAny, hidden}}}};
  }
  const int64_t soft_tokens = model.fixed_encoder->soft_tokens;
  const int64_t patches = soft_tokens * model.pooling_kernel_size * model.pooling_kernel_size;
  return {{{ports::kPixelValues, engine::kAnyNumbers, {1, patches, patch_elements}},
           {ports::kPixelPositionIds, "int32", {1, patches, 2}},
           {ports::kAttentionMask, engine::kAnyNumbers, {1, 1, 1, patches}}},
          {{ports::kImageFeatures, engine::kAnyNumbers, {soft_tokens, hidden}}}};
}

}  // namespace

Result<VisionGraph> VisionGraph::open(const package::Package& package, int64_t patch_size,
                                      const ort::SessionOptions& options,
                                      const engine::ResolvedDevice& device) {
  const package::VisionModel model = package.manifest.vision.value_or(package::VisionModel());
  const int64_t hidden = package.manifest.text.hidden_size;
  const Ports ports = ports_of(model, 3 * patch_size * patch_size, hidden);
  LAP_ASSIGN_OR_RETURN(
      ort::Session session,
      engine::open_component(package, kComponent, ports.inputs, ports.outputs, options, device));
  LAP_ASSIGN_OR_RETURN(const package::Component* record, package.component(kComponent));
  return VisionGraph(std::move(session), *record, model, hidden);
}

Result<std::vector<float>> VisionGraph::run(const media::ImagePatches& patches) const {
  return model_.fixed_encoder ? run_fixed_length(patches) : run_any_length(patches);
}

Result<std::vector<float>> VisionGraph::run_any_length(const media::ImagePatches& patches) const {
  using ort::ElementType;
  const int64_t count = patches.patches;
  const int64_t width = static_cast<int64_t>(patches.pixel_values.size()) / count;
  std::vector<float> features(static_cast<size_t>(patches.soft_tokens * hidden_));
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, session_.bind());
  LAP_RETURN_IF_ERROR(
      binding.input(ports::kPixelValues, ort::input_view(patches.pixel_values, {1, count, width})));
  LAP_RETURN_IF_ERROR(binding.input(ports::kPixelPositionIds,
                                    ort::input_view(patches.position_ids, {1, count, 2})));
  LAP_RETURN_IF_ERROR(
      binding.output(ports::kImageFeatures,
                     {ElementType::kFloat32, features.data(), {patches.soft_tokens, hidden_}}));
  LAP_RETURN_IF_ERROR(binding.run());
  return features;
}

Result<std::vector<float>> VisionGraph::run_fixed_length(const media::ImagePatches& patches) const {
  LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> values, fixed_vision_inputs(patches, model_));
  LAP_ASSIGN_OR_RETURN(const std::vector<ort::HostTensor> inputs,
                       engine::coded_inputs(record_, std::move(values)));
  LAP_ASSIGN_OR_RETURN(const std::vector<ort::HostTensor> outputs, session_.run(inputs));
  LAP_ASSIGN_OR_RETURN(std::vector<float> features,
                       engine::decoded_output(record_, outputs, ports::kImageFeatures));
  features.resize(static_cast<size_t>(patches.soft_tokens * hidden_));
  return features;
}

}  // namespace lapidary::encoders
