#include "runtime/vision_graph.h"

#include <utility>

#include "runtime/component.h"

namespace lapidary::runtime {
namespace {

constexpr const char* kPixelValues = "pixel_values";
constexpr const char* kPixelPositionIds = "pixel_position_ids";
constexpr const char* kImageFeatures = "image_features";
constexpr int64_t kAny = -1;

}  // namespace

Result<VisionGraph> VisionGraph::open(const package::Package& package, int64_t patch_size,
                                      const ort::SessionOptions& options,
                                      const ResolvedDevice& device) {
  const int64_t hidden = package.manifest.text.hidden_size;
  const std::vector<PortRule> inputs = {
      {kPixelValues, "float32", {kAny, kAny, 3 * patch_size * patch_size}},
      {kPixelPositionIds, "int64", {kAny, kAny, 2}}};
  const std::vector<PortRule> outputs = {{kImageFeatures, "float32", {kAny, hidden}}};
  LAP_ASSIGN_OR_RETURN(ort::Session session,
                       open_component(package, "vision_encoder", inputs, outputs, options, device));
  return VisionGraph(std::move(session), hidden);
}

Result<std::vector<float>> VisionGraph::run(const media::ImagePatches& patches) const {
  using ort::ElementType;
  const int64_t count = patches.patches;
  const int64_t width = static_cast<int64_t>(patches.pixel_values.size()) / count;
  std::vector<float> features(static_cast<size_t>(patches.soft_tokens * hidden_));
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, session_.bind());
  LAP_RETURN_IF_ERROR(
      binding.input(kPixelValues, ort::input_view(patches.pixel_values, {1, count, width})));
  LAP_RETURN_IF_ERROR(
      binding.input(kPixelPositionIds, ort::input_view(patches.position_ids, {1, count, 2})));
  LAP_RETURN_IF_ERROR(binding.output(
      kImageFeatures, {ElementType::kFloat32, features.data(), {patches.soft_tokens, hidden_}}));
  LAP_RETURN_IF_ERROR(binding.run());
  return features;
}

}  // namespace lapidary::runtime
