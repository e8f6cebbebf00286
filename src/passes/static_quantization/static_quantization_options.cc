#include <algorithm>
#include <cctype>

#include "passes/static_quantization/static_quantization.h"

namespace lapidary::passes {
namespace {

// "QUInt16", "UInt16" and "uint16" are one.
std::string plain(std::string name) {
  if (name.size() > 1 && name[0] == 'Q') name.erase(0, 1);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

std::optional<DType> read_type(JsonReader& reader, const std::string& key, bool weight) {
  const std::optional<std::string> name = reader.optional_string(key);
  if (!name) return std::nullopt;
  const auto type = quant::integer_type_of(plain(*name), key);
  if (!type.ok()) {
    reader.fail(key, type.error().what, type.error().remedy);
    return std::nullopt;
  }
  const bool is_unsigned = *type == DType::kUint8 || *type == DType::kUint16;
  if (weight && is_unsigned) {
    reader.fail(key, "weights are symmetric, so their type is signed", "use int4, int8 or int16");
  }
  if (!weight && *type == DType::kInt4) {
    reader.fail(key, "activations have 8 or 16 bits", "use uint16, int16, uint8 or int8");
  }
  return *type;
}

std::optional<quant::ScaleSearch> read_search(JsonReader& reader) {
  const std::optional<std::string> name = reader.optional_string("weight_search");
  if (!name) return std::nullopt;
  if (*name == "mse") return quant::ScaleSearch::kMse;
  if (*name != "min_max") {
    reader.fail("weight_search", "'" + *name + "' is no search", "use min_max or mse");
  }
  return quant::ScaleSearch::kMinMax;
}

std::optional<WeightRounding> read_rounding(JsonReader& reader) {
  const std::optional<std::string> name = reader.optional_string("weight_rounding");
  if (!name) return std::nullopt;
  if (*name == "error_aware") return WeightRounding::kErrorAware;
  if (*name != "nearest") {
    reader.fail("weight_rounding", "'" + *name + "' is no rounding", "use nearest or error_aware");
  }
  return WeightRounding::kNearest;
}

TensorOverride read_tensor_override(JsonReader reader) {
  TensorOverride out;
  out.type = read_type(reader, "type", false);
  out.symmetric = reader.optional_boolean("symmetric");
  if (reader.has("range")) {
    const std::vector<double> limits = reader.numbers("range", kFloat32Range);
    if (limits.size() != 2 || !(limits[0] <= limits[1])) {
      reader.fail("range", "is not [min, max]");
    } else {
      out.range = {static_cast<float>(limits[0]), static_cast<float>(limits[1])};
    }
  }
  reader.reject_unknown();
  return out;
}

StaticNodeOverride read_node_override(JsonReader reader) {
  StaticNodeOverride out;
  out.activation_type = read_type(reader, "activation_type", false);
  out.weight_type = read_type(reader, "weight_type", true);
  out.weight_search = read_search(reader);
  out.weight_rounding = read_rounding(reader);
  reader.reject_unknown();
  return out;
}

template <typename T>
ByPattern<T> read_by_pattern(JsonReader& reader, const std::string& key, T (*read)(JsonReader)) {
  ByPattern<T> out;
  if (auto object = reader.optional_child(key)) {
    for (const auto& [pattern, unused] : object->json().items()) {
      out.emplace_back(pattern, read(object->child(pattern)));
    }
  }
  return out;
}

}  // namespace

StaticQuantizationOptions read_static_quantization_options(JsonReader& reader) {
  StaticQuantizationOptions out;
  out.activation_type = read_type(reader, "activation_type", false).value_or(out.activation_type);
  const auto precision = read_type(reader, "precision", true);
  const auto weight_type = read_type(reader, "weight_type", true);
  if (precision && weight_type && *precision != *weight_type) {
    reader.fail("precision", "disagrees with weight_type", "give one of them");
  }
  out.weight_type = weight_type.value_or(precision.value_or(out.weight_type));
  out.weight_search = read_search(reader).value_or(out.weight_search);
  out.weight_rounding = read_rounding(reader).value_or(out.weight_rounding);
  out.op_types_to_exclude = reader.strings("op_types_to_exclude");
  out.nodes_to_exclude = reader.strings("nodes_to_exclude");
  out.tensor_overrides = read_by_pattern(reader, "tensor_overrides", &read_tensor_override);
  out.node_overrides = read_by_pattern(reader, "node_overrides", &read_node_override);
  out.range_margin = reader.number_or("range_margin", 0, {0, 10});
  out.quantized_io = reader.strings("quantized_io");
  return out;
}

Json to_json(const StaticQuantizationOptions& options) {
  const auto name = [](DType type) { return std::string(name_of(type)); };
  const auto search = [](quant::ScaleSearch each) {
    return each == quant::ScaleSearch::kMse ? "mse" : "min_max";
  };
  const auto rounding = [](WeightRounding each) {
    return each == WeightRounding::kErrorAware ? "error_aware" : "nearest";
  };
  Json tensors = Json::object();
  for (const auto& [pattern, change] : options.tensor_overrides) {
    Json& one = tensors[pattern] = Json::object();
    if (change.type) one["type"] = name(*change.type);
    if (change.symmetric) one["symmetric"] = *change.symmetric;
    if (change.range) one["range"] = {change.range->min, change.range->max};
  }
  Json nodes = Json::object();
  for (const auto& [pattern, change] : options.node_overrides) {
    Json& one = nodes[pattern] = Json::object();
    if (change.activation_type) one["activation_type"] = name(*change.activation_type);
    if (change.weight_type) one["weight_type"] = name(*change.weight_type);
    if (change.weight_search) one["weight_search"] = search(*change.weight_search);
    if (change.weight_rounding) one["weight_rounding"] = rounding(*change.weight_rounding);
  }
  return {{"activation_type", name(options.activation_type)},
          {"weight_type", name(options.weight_type)},
          {"weight_search", search(options.weight_search)},
          {"weight_rounding", rounding(options.weight_rounding)},
          {"op_types_to_exclude", options.op_types_to_exclude},
          {"nodes_to_exclude", options.nodes_to_exclude},
          {"tensor_overrides", std::move(tensors)},
          {"node_overrides", std::move(nodes)},
          {"range_margin", options.range_margin},
          {"quantized_io", options.quantized_io}};
}

}  // namespace lapidary::passes
