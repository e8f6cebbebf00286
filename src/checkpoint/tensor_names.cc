#include "checkpoint/tensor_names.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace lapidary::checkpoint {
namespace {

constexpr std::string_view kTextModel = "model.language_model.";
constexpr std::string_view kWholeModel = "model.";

// The first part of a name inside Gemma4TextModel, inside Gemma4Model, and beside it.
constexpr std::array<std::string_view, 7> kTextParts = {"embed_tokens",
                                                        "embed_tokens_per_layer",
                                                        "per_layer_model_projection",
                                                        "layers",
                                                        "norm",
                                                        "per_layer_projection_norm",
                                                        "rotary_emb"};
constexpr std::array<std::string_view, 4> kModelParts = {"vision_tower", "audio_tower",
                                                         "embed_vision", "embed_audio"};
constexpr std::string_view kHead = "lm_head";

// What models are wrapped in, as an attribute of the wrapper: only in front.
constexpr std::array<std::string_view, 4> kFrontWrappers = {"module", "base_model", "model",
                                                            "language_model"};
// Wrappers of any module, the innermost ones as well.
constexpr std::array<std::string_view, 4> kInnerWrappers = {
    "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "base_layer"};
// Parts of names that PEFT gives to what is not in the weights yet.
constexpr std::array<std::string_view, 2> kReplacedModules = {"modules_to_save", "original_module"};
constexpr std::array<std::string_view, 7> kAdapterPrefixes = {"lora_", "ia3_",  "hada_", "lokr_",
                                                              "oft_",  "vera_", "boft_"};

template <size_t kSize>
bool is_one_of(const std::array<std::string_view, kSize>& all, std::string_view part) {
  return std::find(all.begin(), all.end(), part) != all.end();
}

std::string_view first_part(std::string_view name) { return name.substr(0, name.find('.')); }

// Without its first part and the dot.
std::string_view without_first_part(std::string_view name) {
  const size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

// A stored name, cut where the model's own begins: P + core, which is Q + core to the model.
struct SplitName {
  std::string_view stored_prefix;
  std::string_view model_prefix;
  std::string core;       // without inner wrappers
  std::string taken_out;  // the inner wrappers, "_orig_mod."; empty: none
};

void take_out_wrappers(SplitName& name) {
  std::string core;
  for (std::string_view rest = name.core; !rest.empty(); rest = without_first_part(rest)) {
    const std::string_view part = first_part(rest);
    if (is_one_of(kInnerWrappers, part)) {
      const std::string dotted = fmt::format("{}.", part);
      if (name.taken_out.find(dotted) == std::string::npos) name.taken_out += dotted;
    } else {
      if (!core.empty()) core += '.';
      core += part;
    }
  }
  name.core = std::move(core);
}

std::optional<SplitName> split(std::string_view stored) {
  for (std::string_view rest = stored; !rest.empty(); rest = without_first_part(rest)) {
    const std::string_view part = first_part(rest);
    if (is_one_of(kFrontWrappers, part) || is_one_of(kInnerWrappers, part)) continue;
    SplitName out;
    out.stored_prefix = stored.substr(0, stored.size() - rest.size());
    out.core = rest;
    if (is_one_of(kTextParts, part)) {
      out.model_prefix = kTextModel;
    } else if (is_one_of(kModelParts, part)) {
      out.model_prefix = kWholeModel;
    } else if (part != kHead) {
      return std::nullopt;
    }
    take_out_wrappers(out);
    return out;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> canonical_name(std::string_view stored) {
  const auto name = split(stored);
  if (!name) return std::nullopt;
  return fmt::format("{}{}", name->model_prefix, name->core);
}

}  // namespace lapidary::checkpoint
