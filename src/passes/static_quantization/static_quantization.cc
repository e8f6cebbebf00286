#include "passes/static_quantization/static_quantization.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "base/glob.h"
#include "passes/static_quantization/calibration_requests.h"
#include "passes/static_quantization/encoding_groups.h"
#include "passes/static_quantization/group_encodings.h"
#include "passes/static_quantization/qdq_rewriter.h"
#include "passes/static_quantization/residual_stream.h"
#include "passes/static_quantization/weight_factors.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

constexpr const char* kType = "OnnxStaticQuantization";
constexpr int64_t kLeastOpset = 21;  // 16-bit and 4-bit types of QuantizeLinear

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
    reader.fail("weight_search", fmt::format("'{}' is no search", *name), "use min_max or mse");
  }
  return quant::ScaleSearch::kMinMax;
}

std::optional<WeightRounding> read_rounding(JsonReader& reader) {
  const std::optional<std::string> name = reader.optional_string("weight_rounding");
  if (!name) return std::nullopt;
  if (*name == "error_aware") return WeightRounding::kErrorAware;
  if (*name != "nearest") {
    reader.fail("weight_rounding", fmt::format("'{}' is no rounding", *name),
                "use nearest or error_aware");
  }
  return WeightRounding::kNearest;
}

ResidualType read_residual_type(JsonReader& reader) {
  const std::string name = reader.string_or("residual_stream", "int16");
  if (name == "float16") return ResidualType::kFloat16;
  if (name != "int16") {
    reader.fail("residual_stream", fmt::format("'{}' is no type of it", name),
                "use int16 or float16");
  }
  return ResidualType::kInt16;
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
  out.residual_stream = read_residual_type(reader);
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
  const bool half = options.residual_stream == ResidualType::kFloat16;
  return {{"activation_type", name(options.activation_type)},
          {"weight_type", name(options.weight_type)},
          {"weight_search", search(options.weight_search)},
          {"weight_rounding", rounding(options.weight_rounding)},
          {"op_types_to_exclude", options.op_types_to_exclude},
          {"nodes_to_exclude", options.nodes_to_exclude},
          {"tensor_overrides", std::move(tensors)},
          {"node_overrides", std::move(nodes)},
          {"range_margin", options.range_margin},
          {"residual_stream", half ? "float16" : "int16"},
          {"quantized_io", options.quantized_io}};
}

namespace {

bool has_port(const Graph& graph, const std::string& pattern) {
  const auto fits = [&](const graph::ValueInfo& port) {
    return port.dtype == DType::kFloat && glob_match(pattern, port.name);
  };
  return std::any_of(graph.inputs.begin(), graph.inputs.end(), fits) ||
         std::any_of(graph.outputs.begin(), graph.outputs.end(), fits);
}

Status check_options(const GraphSet& graphs, const StaticQuantizationOptions& options) {
  for (const RoleGraph& each : graphs) {
    const auto opset = each.graph.opsets.find("");
    if (opset == each.graph.opsets.end() || opset->second < kLeastOpset) {
      return unsupported(each.graph.name, "static quantization needs opset 21 or later",
                         "convert the model to a newer opset");
    }
  }
  for (const std::string& pattern : options.quantized_io) {
    if (std::none_of(graphs.begin(), graphs.end(),
                     [&](const RoleGraph& each) { return has_port(each.graph, pattern); })) {
      return bad_input(graphs[0].graph.name,
                       fmt::format("quantized_io: '{}' names no float32 input or output", pattern));
    }
  }
  return {};
}

// A misspelt name would otherwise go unnoticed.
void note_unmatched(const GraphSet& graphs, const std::vector<QuantizationPlan>& plans,
                    const StaticQuantizationOptions& options, std::vector<Declined>& declined) {
  const auto note = [&](const std::string& pattern, bool matched) {
    if (!matched) declined.push_back({pattern, "this pattern of the options matches nothing"});
  };
  const auto matches_node = [&](const std::string& pattern) {
    return std::any_of(graphs.begin(), graphs.end(), [&](const RoleGraph& each) {
      return std::any_of(each.graph.nodes.begin(), each.graph.nodes.end(),
                         [&](const Node& node) { return glob_match(pattern, node.name); });
    });
  };
  for (const std::string& pattern : options.nodes_to_exclude) note(pattern, matches_node(pattern));
  for (const auto& [pattern, unused] : options.node_overrides) note(pattern, matches_node(pattern));
  const auto matches_value = [&](const std::string& pattern) {
    return std::any_of(plans.begin(), plans.end(), [&](const QuantizationPlan& plan) {
      return std::any_of(plan.group_of.begin(), plan.group_of.end(),
                         [&](const auto& entry) { return glob_match(pattern, entry.first); });
    });
  };
  for (const auto& [pattern, unused] : options.tensor_overrides) {
    note(pattern, matches_value(pattern));
  }
}

// The options with which a stream's nodes stay float.
StaticQuantizationOptions with_islands(StaticQuantizationOptions options,
                                       const ResidualStream& stream) {
  options.nodes_to_exclude.insert(options.nodes_to_exclude.end(), stream.islands.begin(),
                                  stream.islands.end());
  return options;
}

// Once each, though several graphs decline the same.
void add_declined(std::vector<Declined>& all, const std::vector<Declined>& more) {
  std::set<std::pair<std::string, std::string>> known;
  for (const Declined& each : all) known.emplace(each.node, each.reason);
  for (const Declined& each : more) {
    if (known.emplace(each.node, each.reason).second) all.push_back(each);
  }
}

}  // namespace

Result<std::vector<std::string>> values_to_calibrate(const Graph& graph,
                                                     const StaticQuantizationOptions& options,
                                                     const target::QuantizationTraits& traits) {
  ResidualStream stream;
  if (options.residual_stream == ResidualType::kFloat16) {
    LAP_ASSIGN_OR_RETURN(stream, find_residual_stream(graph));
  }
  LAP_ASSIGN_OR_RETURN(const QuantizationPlan plan,
                       plan_quantization(graph, with_islands(options, stream), traits));
  const std::vector<std::string> halves = stream.halves();
  std::set<std::string> wanted(halves.begin(), halves.end());
  for (const EncodingGroup& group : plan.groups) {
    wanted.insert(group.calibrated.begin(), group.calibrated.end());
  }
  std::vector<std::string> out;
  const auto take = [&](const std::string& value) {
    if (wanted.erase(value) > 0) out.push_back(value);
  };
  for (const graph::ValueInfo& input : graph.inputs) take(input.name);
  for (const Node& node : graph.nodes)
    std::for_each(node.outputs.begin(), node.outputs.end(), take);
  return out;
}

namespace {

Result<SetOutcome> quantize_set(GraphSet graphs, const quant::Ranges& ranges,
                                const StaticQuantizationOptions& options,
                                const target::QuantizationTraits& traits,
                                const std::shared_ptr<const quant::Moments>& moments) {
  std::vector<QuantizationPlan> plans;
  std::vector<const Graph*> views;
  for (const RoleGraph& each : graphs) {
    LAP_ASSIGN_OR_RETURN(QuantizationPlan plan, plan_quantization(each.graph, options, traits));
    plans.push_back(std::move(plan));
    views.push_back(&each.graph);
  }
  LAP_ASSIGN_OR_RETURN(std::vector<std::vector<Encoding>> encodings,
                       encode_groups(views, plans, ranges, options, traits));
  const WeightFactors factors = find_weight_factors(graphs, plans, options, moments);
  SetOutcome out;
  std::vector<Declined> unmatched;
  note_unmatched(graphs, plans, options, unmatched);
  for (size_t i = 0; i < graphs.size(); ++i) {
    PassOutcome one = insert_qdq(std::move(graphs[i].graph), std::move(plans[i]),
                                 std::move(encodings[i]), factors, options, traits);
    out.graphs.push_back({graphs[i].role, graphs[i].part, std::move(one.graph)});
    out.rewritten += one.rewritten;
    add_declined(out.declined, one.declined);
  }
  add_declined(out.declined, factors.declined);
  add_declined(out.declined, unmatched);
  return out;
}

// The graphs with their streams in float16, quantized.
Result<SetOutcome> quantize_around_stream(GraphSet graphs, const quant::Ranges& ranges,
                                          const StaticQuantizationOptions& options,
                                          const target::QuantizationTraits& traits,
                                          const std::shared_ptr<const quant::Moments>& moments) {
  std::vector<ResidualStream> streams;
  std::vector<const Graph*> views;
  StaticQuantizationOptions around = options;
  for (const RoleGraph& each : graphs) {
    LAP_ASSIGN_OR_RETURN(ResidualStream stream, find_residual_stream(each.graph));
    streams.push_back(std::move(stream));
    views.push_back(&each.graph);
  }
  LAP_ASSIGN_OR_RETURN(const float factor,
                       residual_factor(views, streams, ranges, options.range_margin));
  LAP_ASSIGN_OR_RETURN(const quant::Ranges scaled, scaled_ranges(ranges, streams, factor));
  for (size_t i = 0; i < graphs.size(); ++i) {
    LAP_ASSIGN_OR_RETURN(graphs[i].graph,
                         scale_residual_stream(std::move(graphs[i].graph), streams[i], factor));
    around = with_islands(std::move(around), streams[i]);
  }
  return quantize_set(std::move(graphs), scaled, around, traits, moments);
}

}  // namespace

Result<SetOutcome> static_quantization(GraphSet graphs, const quant::Ranges& ranges,
                                       const StaticQuantizationOptions& options,
                                       const target::QuantizationTraits& traits,
                                       const std::shared_ptr<const quant::Moments>& moments) {
  LAP_RETURN_IF_ERROR(check_options(graphs, options));
  if (options.residual_stream == ResidualType::kFloat16) {
    return quantize_around_stream(std::move(graphs), ranges, options, traits, moments);
  }
  return quantize_set(std::move(graphs), ranges, options, traits, moments);
}

Result<PassOutcome> static_quantization(Graph graph, const quant::Ranges& ranges,
                                        const StaticQuantizationOptions& options,
                                        const target::QuantizationTraits& traits,
                                        const std::shared_ptr<const quant::Moments>& moments) {
  GraphSet set(1);
  set[0].graph = std::move(graph);
  LAP_ASSIGN_OR_RETURN(SetOutcome out,
                       static_quantization(std::move(set), ranges, options, traits, moments));
  return PassOutcome{std::move(out.graphs[0].graph), out.rewritten, std::move(out.declined)};
}

namespace {

// Olive's spellings and ours.
std::string read_method(JsonReader& reader) {
  const std::string given = reader.string_or("calibrate_method", "MinMax");
  std::string name;
  for (const char c : given) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  if (name == "percentile" || name == "mse") return name;
  if (name == "entropy") {
    reader.fail("calibrate_method", "calibration by entropy is not supported",
                "use MinMax, Percentile or MSE", ErrorKind::kUnsupported);
  } else if (name != "minmax") {
    reader.fail("calibrate_method", fmt::format("'{}' is no method", given),
                "use MinMax, Percentile or MSE");
  }
  return "min_max";
}

// Keys of Olive's that would change the result if they were not what this pass does anyway.
void check_fixed_keys(JsonReader& reader) {
  const auto boolean = [&](const char* key, bool only, const char* remedy) {
    const std::optional<bool> value = reader.optional_boolean(key);
    if (value && *value != only) {
      reader.fail(key, fmt::format("cannot be {}", *value), remedy, ErrorKind::kUnsupported);
    }
  };
  const auto word = [&](const char* key, const char* only) {
    const std::optional<std::string> value = reader.optional_string(key);
    if (value && *value != only) {
      reader.fail(key, fmt::format("'{}' is not supported", *value), fmt::format("use {}", only),
                  ErrorKind::kUnsupported);
    }
  };
  boolean("per_channel", true, "weights of matrix products always have a scale for each channel");
  boolean("reduce_range", false, "weights use the whole range of their type");
  boolean("ActivationSymmetric", false, "name values in tensor_overrides");
  boolean("WeightSymmetric", true, "weights are symmetric");
  word("quant_format", "QDQ");
  word("quant_mode", "static");
}

}  // namespace

BoundPass bind_static_quantization(JsonReader& reader) {
  const StaticQuantizationOptions options = read_static_quantization_options(reader);
  CalibrationOptions calibration;
  calibration.method = read_method(reader);
  calibration.percentile = reader.number_or("percentile", calibration.percentile, {50.0, 100.0});
  calibration.data_config = reader.string_or("data_config", "");
  check_fixed_keys(reader);
  // Where calibration runs and how files are laid out is not for a recipe to say here; shapes are
  // known, and the target's own needs (int16 keys and values) are met by its traits.
  reader.ignore({"calibration_providers", "quant_preprocess", "optimize_model", "batch_size",
                 "prepare_qnn_config", "save_as_external_data", "all_tensors_to_one_file",
                 "external_data_name", "size_threshold", "convert_attribute"});
  reader.reject_unknown(
      "what is quantized is named by op_types_to_exclude, nodes_to_exclude, tensor_overrides, "
      "node_overrides and quantized_io");
  Json json = to_json(options);
  json["calibrate_method"] = calibration.method;
  json["percentile"] = calibration.percentile;
  json["data_config"] = calibration.data_config;
  const auto run = [options, calibration](GraphSet graphs,
                                          const PassContext& context) -> Result<SetOutcome> {
    const auto first = std::stable_partition(
        graphs.begin(), graphs.end(),
        [](const RoleGraph& each) { return each.role != Role::kCalibration; });
    std::optional<Graph> observed;
    if (first != graphs.end()) observed = std::move(first->graph);
    graphs.erase(first, graphs.end());
    const Graph* calibrated = observed ? &*observed : nullptr;
    LAP_ASSIGN_OR_RETURN(const target::QuantizationTraits traits, traits_in(context, kType));
    const CalibrationRequests requests(context, calibration, options, traits);
    LAP_ASSIGN_OR_RETURN(const quant::Ranges ranges, requests.ranges(graphs, calibrated));
    LAP_ASSIGN_OR_RETURN(const std::shared_ptr<const quant::Moments> moments,
                         requests.moments(graphs, calibrated));
    return static_quantization(std::move(graphs), ranges, options, traits, moments);
  };
  return {kType, std::move(json), run};
}

}  // namespace lapidary::passes
