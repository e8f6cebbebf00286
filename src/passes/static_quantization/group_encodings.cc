#include "passes/static_quantization/group_encodings.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/glob.h"
#include "weights/affine.h"

namespace lapidary::passes {
namespace {

using quant::Range;

// A field that several members of a group may set, all to the same.
template <typename T>
class Agreed {
 public:
  Status set(const T& value, const std::string& by) {
    if (value_ && !(*value_ == value)) {
      return bad_input(
          "static quantization",
          fmt::format("'{}' and '{}' share an encoding, but overrides differ", by_, by),
          "name all values of the group in one override, or none but one of them");
    }
    if (!value_) by_ = by;
    value_ = value;
    return {};
  }
  const std::optional<T>& get() const { return value_; }

 private:
  std::optional<T> value_;
  std::string by_;
};

struct Wishes {
  Agreed<DType> type;
  Agreed<bool> symmetric;
  Agreed<Range> range;
  bool type_by_value = false;  // by the name of a value, not only of a node
};

// What the first override that matches `name` and sets `field` says.
template <typename Override, typename T>
std::optional<T> overridden(const ByPattern<Override>& overrides, const std::string& name,
                            std::optional<T> Override::*field) {
  for (const auto& [pattern, change] : overrides) {
    if (change.*field && glob_match(pattern, name)) return change.*field;
  }
  return std::nullopt;
}

Result<Wishes> wishes_of(const EncodingGroup& group, const StaticQuantizationOptions& options) {
  Wishes out;
  for (const std::string& value : group.values) {
    const auto& overrides = options.tensor_overrides;
    if (const auto type = overridden(overrides, value, &TensorOverride::type)) {
      LAP_RETURN_IF_ERROR(out.type.set(*type, value));
    }
    if (const auto symmetric = overridden(overrides, value, &TensorOverride::symmetric)) {
      LAP_RETURN_IF_ERROR(out.symmetric.set(*symmetric, value));
    }
    if (const auto range = overridden(overrides, value, &TensorOverride::range)) {
      LAP_RETURN_IF_ERROR(out.range.set(*range, value));
    }
  }
  out.type_by_value = out.type.get().has_value();
  if (out.type_by_value) return out;  // values are named more closely than nodes
  for (const std::string& node : group.producers) {
    const auto type =
        overridden(options.node_overrides, node, &StaticNodeOverride::activation_type);
    if (type) LAP_RETURN_IF_ERROR(out.type.set(*type, node));
  }
  return out;
}

using Graphs = std::vector<const graph::Graph*>;

const tensor::Tensor& constant(const Graphs& graphs, const std::string& name) {
  const auto has = [&](const graph::Graph* graph) { return graph->constant(name) != nullptr; };
  return *(*std::find_if(graphs.begin(), graphs.end(), has))->constant(name);
}

bool is_input(const Graphs& graphs, const std::string& value) {
  return std::any_of(graphs.begin(), graphs.end(),
                     [&](const graph::Graph* graph) { return graph->is_input(value); });
}

// What calibration saw is a sample: room for more, but none beyond what a Clip lets through.
Range widened(const Range& seen, const EncodingGroup& group, const std::string& value,
              double margin) {
  const auto factor = static_cast<float>(1 + margin);
  Range out{std::min(seen.min, 0.0F) * factor, std::max(seen.max, 0.0F) * factor};
  if (const auto it = group.limits.find(value); it != group.limits.end()) {
    out = {std::max(out.min, it->second.min), std::min(out.max, it->second.max)};
  }
  return out;
}

Result<Range> range_of_group(const Graphs& graphs, const EncodingGroup& group,
                             const quant::Ranges& ranges, double margin) {
  Range out;  // zero lies in every encoding anyway
  if (group.holds_softmax) out = {0, 1};
  bool observed = group.holds_softmax || group.calibrated.empty();
  std::string missing;
  for (const std::string& value : group.calibrated) {
    const Range* range = ranges.find(value);
    if (range == nullptr) {
      if (missing.empty() || !is_input(graphs, value)) missing = value;
      continue;
    }
    out = quant::united(out, widened(*range, group, value, margin));
    observed = true;
  }
  if (!missing.empty() && (!observed || !is_input(graphs, missing))) {
    return bad_input("static quantization",
                     fmt::format("value '{}' has no calibrated range", missing),
                     "calibrate it, give it a range by tensor_overrides, or exclude its nodes");
  }
  for (const std::string& name : group.constants) {
    LAP_ASSIGN_OR_RETURN(const Range range, weights::range_of(constant(graphs, name)));
    out = quant::united(out, range);
  }
  return out;
}

Result<Encoding> encode(const Graphs& graphs, const EncodingGroup& group,
                        const quant::Ranges& ranges, const StaticQuantizationOptions& options,
                        const target::QuantizationTraits& traits) {
  LAP_ASSIGN_OR_RETURN(const Wishes wishes, wishes_of(group, options));
  Encoding out;
  out.name = group.values.front();
  out.type = wishes.type.get().value_or(options.activation_type);
  bool symmetric = traits.signed_at_zero && is_signed(out.type);
  if (group.right_side && bits_of(out.type) >= traits.least_signed_bits && !wishes.type_by_value) {
    out.type = bits_of(out.type) == 16 ? DType::kInt16 : DType::kInt8;
    symmetric = true;
  }
  symmetric = wishes.symmetric.get().value_or(symmetric);
  Range range;
  if (wishes.range.get()) {
    range = *wishes.range.get();
  } else {
    LAP_ASSIGN_OR_RETURN(range, range_of_group(graphs, group, ranges, options.range_margin));
  }
  auto affine = quant::affine_of(range, out.type, symmetric);
  if (!affine.ok()) {
    Error error = affine.take_error();
    error.where = fmt::format("value '{}', {}", group.values.front(), error.where);
    return error;
  }
  out.affine = *affine;
  return out;
}

// What `more` has and `all` has not.
void add(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& each : more) {
    if (std::find(all.begin(), all.end(), each) == all.end()) all.push_back(each);
  }
}

void join(EncodingGroup& into, const EncodingGroup& group) {
  add(into.values, group.values);
  add(into.constants, group.constants);
  add(into.producers, group.producers);
  add(into.calibrated, group.calibrated);
  into.limits.insert(group.limits.begin(), group.limits.end());
  into.holds_softmax = into.holds_softmax || group.holds_softmax;
  into.right_side = into.right_side || group.right_side;
}

// Groups of several plans, joined where they have a value in common.
class JoinedGroups {
 public:
  explicit JoinedGroups(const std::vector<QuantizationPlan>& plans) {
    for (const QuantizationPlan& plan : plans) {
      std::vector<size_t>& own = of_.emplace_back();
      for (const EncodingGroup& group : plan.groups) own.push_back(place(group));
    }
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (root(i) != i) join(groups_[root(i)], groups_[i]);
    }
  }

  // The joined group of a plan's group.
  size_t index(size_t plan, size_t group) const { return root(of_[plan][group]); }
  const EncodingGroup& group(size_t index) const { return groups_[index]; }

 private:
  size_t root(size_t i) const {
    while (parents_[i] != i) i = parents_[i];
    return i;
  }

  size_t place(const EncodingGroup& group) {
    size_t at = groups_.size();
    groups_.push_back(group);
    parents_.push_back(at);
    for (const std::string& value : group.values) {
      const size_t other = root(owner_.try_emplace(value, at).first->second);
      parents_[std::max(at, other)] = std::min(at, other);
      at = std::min(at, other);
    }
    return at;
  }

  std::vector<EncodingGroup> groups_;  // as the plans have them; roots become the joined ones
  std::vector<size_t> parents_;        // the older one is the root, which names the group
  std::vector<std::vector<size_t>> of_;
  std::map<std::string, size_t> owner_;
};

}  // namespace

Result<std::vector<std::vector<Encoding>>> encode_groups(const Graphs& graphs,
                                                         const std::vector<QuantizationPlan>& plans,
                                                         const quant::Ranges& ranges,
                                                         const StaticQuantizationOptions& options,
                                                         const target::QuantizationTraits& traits) {
  const JoinedGroups joined(plans);
  std::map<size_t, Encoding> known;
  std::vector<std::vector<Encoding>> out;
  for (size_t plan = 0; plan < plans.size(); ++plan) {
    std::vector<Encoding>& own = out.emplace_back();
    for (size_t group = 0; group < plans[plan].groups.size(); ++group) {
      const size_t index = joined.index(plan, group);
      if (!known.contains(index)) {
        LAP_ASSIGN_OR_RETURN(known[index],
                             encode(graphs, joined.group(index), ranges, options, traits));
      }
      own.push_back(known.at(index));
    }
  }
  return out;
}

}  // namespace lapidary::passes
