#include "checkpoint/tensor_names.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/text.h"

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

// What was done to the name's front, for the notes; empty: nothing.
std::string change_of_front(const SplitName& name) {
  const std::string_view stored = name.stored_prefix;
  const std::string_view model = name.model_prefix;
  if (stored == model) return {};
  if (stored.ends_with(model)) {
    return fmt::format("'{}' taken off", stored.substr(0, stored.size() - model.size()));
  }
  if (model.ends_with(stored)) {
    return fmt::format("'{}' put before", model.substr(0, model.size() - stored.size()));
  }
  return fmt::format("'{}' read as '{}' in", stored, model);
}

// The parts in front of every name without which all are known, or at least one is; empty where one
// is known as it is, and where nothing helps.
std::string unknown_wrapper(const std::vector<std::string>& names) {
  size_t taken_off = 0;
  const auto is_known = [&](const std::string& name) {
    return split(std::string_view(name).substr(taken_off)).has_value();
  };
  while (std::none_of(names.begin(), names.end(), is_known)) {
    const std::string_view rest = std::string_view(names.front()).substr(taken_off);
    if (rest.find('.') == std::string_view::npos) return {};
    const size_t next = taken_off + rest.find('.') + 1;
    const std::string wrapper = names.front().substr(0, next);
    for (const std::string& name : names) {
      if (!name.starts_with(wrapper)) return {};
    }
    taken_off = next;
  }
  return names.front().substr(0, taken_off);
}

bool is_of_adapter(std::string_view name) {
  for (; !name.empty(); name = without_first_part(name)) {
    const std::string_view part = first_part(name);
    if (is_one_of(kReplacedModules, part)) return true;
    const auto begins = [&](std::string_view prefix) { return part.starts_with(prefix); };
    if (std::any_of(kAdapterPrefixes.begin(), kAdapterPrefixes.end(), begins)) return true;
  }
  return false;
}

// Renames tensor by tensor, and counts what it did.
class Renaming {
 public:
  explicit Renaming(const Weights& stored)
      : stored_(stored), names_(stored.names()), renamed_(stored) {
    for (const std::string& name : names_) renamed_.erase(name);
  }

  Status run() {
    if (names_.empty()) return {};
    const std::string wrapper = unknown_wrapper(names_);
    for (const std::string& name : names_) LAP_RETURN_IF_ERROR(rename(name, wrapper));
    if (known_ > 0) return {};
    return bad_input(stored_.path().string(),
                     fmt::format("no tensor is called as a part of Gemma 4 is, such as "
                                 "'model.language_model.norm.weight'; the first is '{}'",
                                 names_.front()),
                     "is this a checkpoint of Gemma 4?");
  }

  void note(std::vector<std::string>& notes) const {
    for (const auto& [change, count] : changes_) {
      notes.push_back(fmt::format("names: {} {}", change, counted(count, "tensor")));
    }
  }
  Weights take() { return std::move(renamed_); }

 private:
  Status rename(const std::string& stored_name, const std::string& wrapper) {
    const Weight& weight = *stored_.find(stored_name);
    if (is_of_adapter(stored_name)) {
      return bad_input(
          weight.file.string(),
          fmt::format("tensor '{}' is of an adapter that is not merged into the weights",
                      stored_name),
          "merge it, as PEFT's merge_and_unload() does, or give the base model and --adapter DIR");
    }
    auto name = split(std::string_view(stored_name).substr(wrapper.size()));
    if (!name) return place(stored_name, weight);
    ++known_;
    name->stored_prefix =
        std::string_view(stored_name).substr(0, wrapper.size() + name->stored_prefix.size());
    if (const std::string change = change_of_front(*name); !change.empty()) ++changes_[change];
    if (!name->taken_out.empty()) {
      ++changes_[fmt::format("'{}' taken out of the names of", name->taken_out)];
    }
    return place(fmt::format("{}{}", name->model_prefix, name->core), weight);
  }

  Status place(const std::string& name, const Weight& weight) {
    if (const Weight* other = renamed_.find(name); other != nullptr) {
      return bad_input(weight.file.string(),
                       fmt::format("tensors '{}' and '{}' are both '{}' to the model",
                                   other->stored_as, weight.stored_as, name),
                       "keep one of them");
    }
    renamed_.set(name, weight);
    return {};
  }

  const Weights& stored_;
  std::vector<std::string> names_;
  Weights renamed_;
  std::map<std::string, int64_t> changes_;  // "'module.' taken off" -> tensors
  int64_t known_ = 0;
};

}  // namespace

std::optional<std::string> canonical_name(std::string_view stored) {
  const auto name = split(stored);
  if (!name) return std::nullopt;
  return fmt::format("{}{}", name->model_prefix, name->core);
}

Result<Weights> with_canonical_names(const Weights& stored, std::vector<std::string>& notes) {
  Renaming renaming(stored);
  LAP_RETURN_IF_ERROR(renaming.run());
  renaming.note(notes);
  return renaming.take();
}

}  // namespace lapidary::checkpoint
