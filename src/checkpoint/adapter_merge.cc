#include "checkpoint/adapter_merge.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "checkpoint/config_fields.h"
#include "checkpoint/expected_tensors.h"
#include "checkpoint/tied_head.h"
#include "tensor/expressions.h"
#include "tensor/low_rank.h"

namespace lapidary::checkpoint {
namespace {

constexpr std::string_view kWeightEnd = ".weight";

bool is_tied_one(std::string_view name) { return name == kHeadTensor || name == kTableTensor; }

std::string shown_entry(const TensorEntry& entry) {
  return fmt::format("'{}' {}", entry.name, tensor::to_string(entry.type.shape));
}

class Merging {
 public:
  Merging(const std::vector<Adapter>& adapters, Config& config, Weights& weights,
          std::vector<std::string>& notes)
      : adapters_(adapters), config_(config), weights_(weights), notes_(notes) {
    for (const TensorSpec& spec : expected_tensors(config)) {
      if (spec.optional) useless_.insert(spec.name);
    }
  }

  Status run() {
    untie_if_touched();
    for (const Adapter& adapter : adapters_) LAP_RETURN_IF_ERROR(collect(adapter));
    for (auto& [name, updates] : updates_) {
      Weight weight = *weights_.find(name);
      weight.value = tensor::add_low_rank(weight.value, std::move(updates));
      weights_.set(name, std::move(weight));
    }
    return {};
  }

 private:
  bool touches_tied(const Adapter& adapter) const {
    return std::any_of(adapter.updates.begin(), adapter.updates.end(),
                       [](const AdapterUpdate& update) {
                         return is_tied_one(fmt::format("{}{}", update.module, kWeightEnd));
                       }) ||
           std::any_of(adapter.replacements.begin(), adapter.replacements.end(),
                       [](const AdapterReplacement& each) { return is_tied_one(each.name); });
  }

  void untie_if_touched() {
    if (!config_.tie_word_embeddings) return;
    const auto touching = std::find_if(adapters_.begin(), adapters_.end(),
                                       [this](const Adapter& each) { return touches_tied(each); });
    if (touching == adapters_.end()) return;
    const Weight* head = weights_.find(kHeadTensor);
    const Weight* table = weights_.find(kTableTensor);
    if (head == nullptr && table == nullptr) return;  // check_tensors names it
    if (head == nullptr) weights_.set(kHeadTensor, Weight(*table));
    if (table == nullptr) weights_.set(kTableTensor, Weight(*head));
    config_.tie_word_embeddings = false;
    untied_ = true;
    notes_.push_back(fmt::format(
        "adapter '{}' changes one of '{}' and '{}', which config.json ties: each is used as it is, "
        "and the head takes room of its own",
        touching->name(), kTableTensor, kHeadTensor));
  }

  // The model's tensor that stands for a name of the adapter's; linear layers of towers may have
  // one more name inside (Gemma4ClippableLinear).
  const std::string* target(const std::string& name) {
    found_ = name;
    if (weights_.find(found_) != nullptr) return &found_;
    if (!name.ends_with(kWeightEnd)) return nullptr;
    found_ = fmt::format("{}.linear.weight", name.substr(0, name.size() - kWeightEnd.size()));
    return weights_.find(found_) != nullptr ? &found_ : nullptr;
  }

  bool is_useless(const std::string& name) const {
    const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
    if (!config_.vision && (begins("model.vision_tower.") || begins("model.embed_vision."))) {
      return true;
    }
    if (!config_.audio && (begins("model.audio_tower.") || begins("model.embed_audio."))) {
      return true;
    }
    return useless_.contains(name);
  }

  Error unknown(const Adapter& adapter, const TensorEntry& entry, const std::string& name) const {
    return bad_input(
        adapter.file->path().string(),
        fmt::format("tensor '{}' changes '{}', which the model does not have", entry.name, name),
        remedy(adapter));
  }

  static std::string remedy(const Adapter& adapter) {
    if (adapter.config.base_model.empty()) return "give the base model it was trained on";
    return fmt::format("give the base model it was trained on: {}",
                       quoted_names({adapter.config.base_model}));
  }

  Status collect(const Adapter& adapter) {
    int64_t passed_over = 0;
    // First: what is saved whole may have a LoRA on top.
    for (const AdapterReplacement& each : adapter.replacements) {
      const std::string* name = target(each.name);
      if (name == nullptr && is_useless(each.name)) {
        ++passed_over;
      } else if (name == nullptr) {
        return unknown(adapter, *each.value, each.name);
      } else {
        LAP_RETURN_IF_ERROR(replace(adapter, each, *name));
      }
    }
    std::set<std::string> changed;
    for (const AdapterUpdate& update : adapter.updates) {
      const std::string plain = fmt::format("{}{}", update.module, kWeightEnd);
      const std::string* name = target(plain);
      if (name == nullptr && is_useless(plain)) {
        ++passed_over;
      } else if (name == nullptr) {
        return unknown(adapter, *update.a, plain);
      } else if (!changed.insert(*name).second) {
        return bad_input(adapter.file->path().string(),
                         fmt::format("two updates change '{}'", *name), "keep one of them");
      } else {
        LAP_RETURN_IF_ERROR(add(adapter, update, *name));
      }
    }
    note(adapter, changed.size(), passed_over);
    return {};
  }

  Status replace(const Adapter& adapter, const AdapterReplacement& each, const std::string& name) {
    if (each.value->type.shape != weights_.find(name)->value.shape()) {
      return bad_input(adapter.file->path().string(),
                       fmt::format("tensor {} replaces '{}', which is {}", shown_entry(*each.value),
                                   name, tensor::to_string(weights_.find(name)->value.shape())),
                       remedy(adapter));
    }
    if (const auto [other, is_new] = replaced_by_.emplace(name, &adapter); !is_new) {
      return bad_input(adapter.file->path().string(),
                       fmt::format("tensor '{}' replaces '{}', and adapter '{}' does as well",
                                   each.value->name, name, other->second->name()),
                       "give one of them");
    }
    const Weight weight{adapter.file->tensor(*each.value), adapter.file->path(), each.value->name};
    weights_.set(name, weight);
    if (untied_ && !each.is_own_copy && is_tied_one(name)) {
      const std::string other(name == kHeadTensor ? kTableTensor : kHeadTensor);
      if (!replaced_by_.contains(other)) weights_.set(other, weight);
    }
    return {};
  }

  Status add(const Adapter& adapter, const AdapterUpdate& update, const std::string& name) {
    const tensor::Tensor& base = weights_.find(name)->value;
    const int64_t in = update.a->type.shape[1];
    const int64_t out = update.b->type.shape[0];
    const tensor::Shape shape =
        update.is_of_table ? tensor::Shape{in, out} : tensor::Shape{out, in};
    const std::string where = adapter.file->path().string();
    if (base.shape() != shape) {
      return bad_input(
          where,
          fmt::format("tensors {} and {} change '{}', which is {}", shown_entry(*update.a),
                      shown_entry(*update.b), name, tensor::to_string(base.shape())),
          remedy(adapter));
    }
    if (!is_float(base.dtype()) || base.dtype() == DType::kDouble) {
      return unsupported(
          where,
          fmt::format("tensor '{}' changes '{}', which is {}: adapters are added to bfloat16, "
                      "float16 and float32",
                      update.a->name, name, name_of(base.dtype())),
          remedy(adapter));
    }
    const tensor::Tensor a = adapter.file->tensor(*update.a);
    const tensor::Tensor b = adapter.file->tensor(*update.b);
    tensor::LowRankUpdate low_rank{a, b, update.scale, adapter.content_hash};
    if (update.is_of_table) {  // (B @ A)^T is A^T @ B^T
      low_rank.a = tensor::transpose(b);
      low_rank.b = tensor::transpose(a);
    }
    updates_[name].push_back(std::move(low_rank));
    return {};
  }

  void note(const Adapter& adapter, size_t changed, int64_t passed_over) {
    std::string text =
        fmt::format("adapter '{}': weight {}, added to {}", adapter.name(), adapter.source.weight,
                    counted(static_cast<int64_t>(changed), "tensor"));
    if (const size_t replaced = adapter.replacements.size(); replaced > 0) {
      text += fmt::format("; {} saved whole", counted(static_cast<int64_t>(replaced), "tensor"));
    }
    if (passed_over > 0) {
      text += fmt::format("; passed over for {} that the model has no use for",
                          counted(passed_over, "tensor"));
    }
    notes_.push_back(std::move(text));
  }

  const std::vector<Adapter>& adapters_;
  Config& config_;
  Weights& weights_;
  std::vector<std::string>& notes_;
  std::set<std::string> useless_;  // names that some checkpoints have and no model needs
  bool untied_ = false;
  std::string found_;  // what target() points at
  std::map<std::string, const Adapter*> replaced_by_;
  std::map<std::string, std::vector<tensor::LowRankUpdate>> updates_;
};

}  // namespace

Status apply_adapters(const std::vector<Adapter>& adapters, Config& config, Weights& weights,
                      std::vector<std::string>& notes) {
  if (adapters.empty()) return {};
  return Merging(adapters, config, weights, notes).run();
}

}  // namespace lapidary::checkpoint
