#include "build/fixed_model.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "contract/component.h"
#include "contract/notes.h"
#include "gemma4/rotary_kinds.h"

namespace lapidary::build {
namespace {

constexpr const char* kStatic = "StaticLLM";
constexpr const char* kQuantization = "OnnxStaticQuantization";
constexpr const char* kAudio = name_of(contract::Component::kAudioEncoder);
constexpr double kFarBelow = 20;  // e^-20 weighs less than a step of 16 bits

}  // namespace

double masked_value(const recipe::Recipe& recipe, const std::string& component,
                    const target::QuantizationTraits& traits) {
  return recipe.pass_of_type(kQuantization, component) != nullptr ? traits.quantized_mask
                                                                  : traits.float16_mask;
}

Result<std::optional<package::FixedEncoder>> fixed_encoder(
    const recipe::Recipe& recipe, const std::string& component,
    const checkpoint::Checkpoint& checkpoint, const target::QuantizationTraits& traits) {
  LAP_ASSIGN_OR_RETURN(const auto length,
                       recipe::encoder_length(recipe.build, component, checkpoint.processor));
  if (!length) return std::optional<package::FixedEncoder>();
  double masked = masked_value(recipe, component, traits);
  if (component == kAudio) {
    // Its logits reach the soft-cap on both sides, and a masked one must stay far below all others.
    masked = std::min(masked, -2 * checkpoint.config.audio->attention_logit_cap - kFarBelow);
  }
  return std::optional(package::FixedEncoder{*length, masked});
}

std::optional<package::FixedModel> fixed_model(const recipe::Recipe& recipe,
                                               const std::string& component,
                                               const checkpoint::Config& config,
                                               const passes::GraphSet& graphs,
                                               const target::QuantizationTraits& traits) {
  const passes::BoundPass* pass = recipe.pass_of_type(kStatic, component);
  if (pass == nullptr) return std::nullopt;
  package::FixedModel out;
  out.context_length = pass->options.value("context_length", int64_t{0});
  out.prefill_length = pass->options.value("prefill_length", int64_t{0});
  out.masked = masked_value(recipe, component, traits);
  for (const passes::RoleGraph& each : graphs) {
    const auto softcap = each.graph.metadata.find(contract::notes::kHostLogitSoftcap);
    if (softcap != each.graph.metadata.end()) {
      out.host_logit_softcap = std::strtod(softcap->second.c_str(), nullptr);
    }
  }
  for (gemma4::RotaryKind& kind : gemma4::rotary_kinds(config.text)) {
    out.rotary.push_back({std::move(kind.name), std::move(kind.frequencies)});
  }
  return out;
}

}  // namespace lapidary::build
