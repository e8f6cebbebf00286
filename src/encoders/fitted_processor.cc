#include "encoders/fitted_processor.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>

#include "contract/component.h"

namespace lapidary::encoders {
namespace {

Status fit(checkpoint::ImageProcessorConfig& images, int64_t soft_tokens) {
  if (images.max_soft_tokens <= soft_tokens) return {};
  const auto& budgets = checkpoint::kSoftTokenBudgets;  // ascending
  const auto above = std::upper_bound(budgets.begin(), budgets.end(), soft_tokens);
  if (above == budgets.begin()) {
    return unsupported(
        name_of(contract::Component::kVisionEncoder),
        fmt::format("takes {} soft tokens of an image, which is resized to at least {}",
                    soft_tokens, budgets.front()),
        fmt::format("build the package with image_soft_tokens of at least {}", budgets.front()));
  }
  images.max_soft_tokens = *(above - 1);
  return {};
}

}  // namespace

Result<checkpoint::ProcessorConfig> fitted_processor(checkpoint::ProcessorConfig processor,
                                                     const package::Manifest& manifest) {
  if (manifest.vision && manifest.vision->fixed_encoder) {
    const int64_t soft_tokens = manifest.vision->fixed_encoder->soft_tokens;
    LAP_RETURN_IF_ERROR(fit(processor.image, soft_tokens));
    LAP_RETURN_IF_ERROR(fit(processor.video.frames, soft_tokens));
  }
  if (manifest.audio && manifest.audio->fixed_encoder) {
    processor.audio_seq_length =
        std::min(processor.audio_seq_length, manifest.audio->fixed_encoder->soft_tokens);
  }
  return processor;
}

}  // namespace lapidary::encoders
