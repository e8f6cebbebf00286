#include "build/fixed_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
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

// The soft-cap that a pass has left to the host, as it wrote it into the graph.
Result<double> noted_softcap(const std::string& component, const passes::RoleGraph& member,
                             const std::string& text) {
  double cap = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, cap);
  if (code == std::errc() && rest == end && std::isfinite(cap) && cap > 0) return cap;
  return internal_error(fmt::format("{}/{}.onnx", component, passes::file_stem(member)),
                        fmt::format("its note '{}' is '{}', which is no positive number",
                                    contract::notes::kHostLogitSoftcap, text),
                        "the pass that caps no logits must note by what they are capped");
}

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

Result<std::optional<package::FixedModel>> fixed_model(const recipe::Recipe& recipe,
                                                       const std::string& component,
                                                       const checkpoint::Config& config,
                                                       const passes::GraphSet& graphs,
                                                       const target::QuantizationTraits& traits) {
  const passes::BoundPass* pass = recipe.pass_of_type(kStatic, component);
  if (pass == nullptr) return std::optional<package::FixedModel>();
  package::FixedModel out;
  out.context_length = pass->options.value("context_length", int64_t{0});
  out.prefill_length = pass->options.value("prefill_length", int64_t{0});
  out.masked = masked_value(recipe, component, traits);
  for (const passes::RoleGraph& each : graphs) {
    const auto softcap = each.graph.metadata.find(contract::notes::kHostLogitSoftcap);
    if (softcap != each.graph.metadata.end()) {
      LAP_ASSIGN_OR_RETURN(out.host_logit_softcap, noted_softcap(component, each, softcap->second));
    }
  }
  for (gemma4::RotaryKind& kind : gemma4::rotary_kinds(config.text)) {
    out.rotary.push_back({std::move(kind.name), std::move(kind.frequencies)});
  }
  return std::optional(std::move(out));
}

}  // namespace lapidary::build
