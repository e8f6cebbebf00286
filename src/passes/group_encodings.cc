#include "passes/group_encodings.h"

#include "base/glob.h"
#include "passes/affine_weight.h"

namespace lapidary::passes {
namespace {

using quant::IntegerType;
using quant::Range;

// A field that several members of a group may set, all to the same.
template <typename T>
class Agreed {
 public:
  Status set(const T& value, const std::string& by) {
    if (value_ && !(*value_ == value)) {
      return bad_input("static quantization",
                       "'" + by_ + "' and '" + by + "' share an encoding, but overrides differ",
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
  Agreed<IntegerType> type;
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

Result<Range> range_of_group(const graph::Graph& graph, const EncodingGroup& group,
                             const quant::Ranges& ranges) {
  Range out;  // zero lies in every encoding anyway
  if (group.holds_softmax) out = {0, 1};
  for (const std::string& value : group.calibrated) {
    const Range* range = ranges.find(value);
    if (range == nullptr) {
      return bad_input("static quantization", "value '" + value + "' has no calibrated range",
                       "calibrate it, give it a range by tensor_overrides, or exclude its nodes");
    }
    out = quant::united(out, *range);
  }
  for (const std::string& constant : group.constants) {
    LAP_ASSIGN_OR_RETURN(const Range range, range_of(*graph.constant(constant)));
    out = quant::united(out, range);
  }
  return out;
}

bool has_16_bits(IntegerType type) { return quant::bits_of(type) == 16; }

Result<Encoding> encode(const graph::Graph& graph, const EncodingGroup& group,
                        const quant::Ranges& ranges, const StaticQuantizationOptions& options) {
  LAP_ASSIGN_OR_RETURN(const Wishes wishes, wishes_of(group, options));
  Encoding out;
  out.type = wishes.type.get().value_or(options.activation_type);
  // Signed types with a zero point are of no use to any target so far.
  bool symmetric = out.type == IntegerType::kInt8 || out.type == IntegerType::kInt16;
  if (group.right_side && has_16_bits(out.type) && !wishes.type_by_value) {
    out.type = IntegerType::kInt16;
    symmetric = true;
  }
  symmetric = wishes.symmetric.get().value_or(symmetric);
  Range range;
  if (wishes.range.get()) {
    range = *wishes.range.get();
  } else {
    LAP_ASSIGN_OR_RETURN(range, range_of_group(graph, group, ranges));
  }
  auto affine = quant::affine_of(range, out.type, symmetric);
  if (!affine.ok()) {
    Error error = affine.take_error();
    error.where = "value '" + group.values.front() + "', " + error.where;
    return error;
  }
  out.affine = *affine;
  return out;
}

}  // namespace

Result<std::vector<Encoding>> encode_groups(const graph::Graph& graph, const QuantizationPlan& plan,
                                            const quant::Ranges& ranges,
                                            const StaticQuantizationOptions& options) {
  std::vector<Encoding> out;
  for (const EncodingGroup& group : plan.groups) {
    LAP_ASSIGN_OR_RETURN(const Encoding encoding, encode(graph, group, ranges, options));
    out.push_back(encoding);
  }
  return out;
}

}  // namespace lapidary::passes
