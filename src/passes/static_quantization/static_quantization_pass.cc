// OnnxStaticQuantization in a recipe: Olive's options, and the ranges asked of the pass context.
#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "passes/static_quantization/static_quantization.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

constexpr const char* kType = "OnnxStaticQuantization";
constexpr int64_t kMomentBlock = 128;  // channels whose errors make up for each other

struct CalibrationOptions {
  std::string method = "min_max";
  double percentile = 99.999;
  std::string data_config;
};

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
    reader.fail("calibrate_method", "'" + given + "' is no method",
                "use MinMax, Percentile or MSE");
  }
  return "min_max";
}

// Keys of Olive's that would change the result if they were not what this pass does anyway.
void check_fixed_keys(JsonReader& reader) {
  const auto boolean = [&](const char* key, bool only, const char* remedy) {
    const std::optional<bool> value = reader.optional_boolean(key);
    if (value && *value != only) {
      reader.fail(key, std::string("cannot be ") + (*value ? "true" : "false"), remedy,
                  ErrorKind::kUnsupported);
    }
  };
  const auto word = [&](const char* key, const char* only) {
    const std::optional<std::string> value = reader.optional_string(key);
    if (value && *value != only) {
      reader.fail(key, "'" + *value + "' is not supported", std::string("use ") + only,
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

bool makes(const Graph& graph, const std::string& value) {
  return graph.is_input(value) ||
         std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
           return std::find(node.outputs.begin(), node.outputs.end(), value) != node.outputs.end();
         });
}

class Asking {
 public:
  Asking(const PassContext& context, const CalibrationOptions& calibration,
         const StaticQuantizationOptions& options, const target::QuantizationTraits& traits)
      : context_(context), calibration_(calibration), options_(options), traits_(traits) {}

  // The ranges of what `graphs` need, found on the calibration graph or else on each of them.
  Result<quant::Ranges> ranges(const GraphSet& graphs, const Graph* calibration) const {
    if (!context_.calibrate) {
      return bad_input("OnnxStaticQuantization", "nothing can be calibrated here",
                       "name calibration data in the recipe's data_configs");
    }
    quant::Ranges all;
    const auto ask_for = [&](const Graph& graph, std::vector<std::string> values) {
      return ask(graph, std::move(values), all);
    };
    LAP_RETURN_IF_ERROR(for_values(graphs, calibration, &values_to_calibrate, ask_for));
    return all;
  }

  // Second moments, likewise; none when no weight is rounded error-aware.
  Result<std::shared_ptr<const quant::Moments>> moments(const GraphSet& graphs,
                                                        const Graph* calibration) const {
    auto all = std::make_shared<quant::Moments>();
    std::shared_ptr<const quant::Moments> found;
    const auto ask_for = [&](const Graph& graph, std::vector<std::string> values) -> Status {
      if (values.empty()) return {};
      if (!context_.moments) {
        return bad_input("OnnxStaticQuantization", "weight_rounding: nothing can be observed here",
                         "name calibration data, or round to nearest");
      }
      const MomentRequest request{graph, std::move(values), kMomentBlock, calibration_.data_config};
      LAP_ASSIGN_OR_RETURN(found, context_.moments(request));
      if (calibration == nullptr) all->insert(found->begin(), found->end());
      return {};
    };
    LAP_RETURN_IF_ERROR(for_values(graphs, calibration, &values_for_moments, ask_for));
    return calibration == nullptr ? std::shared_ptr<const quant::Moments>(all) : found;
  }

 private:
  using Values = Result<std::vector<std::string>> (*)(const Graph&,
                                                      const StaticQuantizationOptions&,
                                                      const target::QuantizationTraits&);
  using Ask = std::function<Status(const Graph&, std::vector<std::string>)>;

  // Asks the calibration graph for the values of all graphs that it makes, or each graph for its
  // own.
  Status for_values(const GraphSet& graphs, const Graph* calibration, Values values_of,
                    const Ask& ask_for) const {
    std::vector<std::string> wanted;
    std::set<std::string> known;
    for (const RoleGraph& each : graphs) {
      LAP_ASSIGN_OR_RETURN(std::vector<std::string> values,
                           values_of(each.graph, options_, traits_));
      if (calibration == nullptr) {
        LAP_RETURN_IF_ERROR(ask_for(each.graph, std::move(values)));
        continue;
      }
      for (std::string& value : values) {
        if (makes(*calibration, value) && known.insert(value).second) {
          wanted.push_back(std::move(value));
        }
      }
    }
    return calibration == nullptr ? Status{} : ask_for(*calibration, std::move(wanted));
  }

  Status ask(const Graph& graph, std::vector<std::string> values, quant::Ranges& all) const {
    const CalibrationRequest request{graph,
                                     std::move(values),
                                     calibration_.method,
                                     calibration_.percentile,
                                     bits_of(options_.activation_type),
                                     calibration_.data_config};
    LAP_ASSIGN_OR_RETURN(const quant::Ranges found, context_.calibrate(request));
    for (const auto& [value, range] : found.all()) {
      const quant::Range* other = all.find(value);
      LAP_RETURN_IF_ERROR(all.set(value, other == nullptr ? range : quant::united(*other, range)));
    }
    return {};
  }

  const PassContext& context_;
  const CalibrationOptions& calibration_;
  const StaticQuantizationOptions& options_;
  const target::QuantizationTraits& traits_;
};

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
    const Asking asking(context, calibration, options, traits);
    LAP_ASSIGN_OR_RETURN(const quant::Ranges ranges, asking.ranges(graphs, calibrated));
    LAP_ASSIGN_OR_RETURN(const std::shared_ptr<const quant::Moments> moments,
                         asking.moments(graphs, calibrated));
    return static_quantization(std::move(graphs), ranges, options, traits, moments);
  };
  return {kType, std::move(json), run};
}

}  // namespace lapidary::passes
