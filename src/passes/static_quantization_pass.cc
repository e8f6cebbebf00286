// OnnxStaticQuantization in a recipe: Olive's options, and the ranges asked of the pass context.
#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "passes/static_quantization.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

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

class Ranging {
 public:
  Ranging(const PassContext& context, const CalibrationOptions& calibration,
          const StaticQuantizationOptions& options)
      : context_(context), calibration_(calibration), options_(options) {}

  // The ranges of what `graphs` need, found on the calibration graph or else on each of them.
  Result<quant::Ranges> run(const GraphSet& graphs, const Graph* calibration) const {
    if (!context_.calibrate) {
      return bad_input("OnnxStaticQuantization", "nothing can be calibrated here",
                       "name calibration data in the recipe's data_configs");
    }
    quant::Ranges all;
    std::vector<std::string> wanted;
    std::set<std::string> known;
    for (const RoleGraph& each : graphs) {
      LAP_ASSIGN_OR_RETURN(std::vector<std::string> values,
                           values_to_calibrate(each.graph, options_));
      if (calibration == nullptr) {
        LAP_RETURN_IF_ERROR(ask(each.graph, std::move(values), all));
        continue;
      }
      for (std::string& value : values) {
        if (makes(*calibration, value) && known.insert(value).second) {
          wanted.push_back(std::move(value));
        }
      }
    }
    if (calibration != nullptr) LAP_RETURN_IF_ERROR(ask(*calibration, std::move(wanted), all));
    return all;
  }

 private:
  Status ask(const Graph& graph, std::vector<std::string> values, quant::Ranges& all) const {
    const CalibrationRequest request{graph,
                                     std::move(values),
                                     calibration_.method,
                                     calibration_.percentile,
                                     quant::bits_of(options_.activation_type),
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
  // known, and the target's own needs (int16 keys and values) are met always.
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
    LAP_ASSIGN_OR_RETURN(
        const quant::Ranges ranges,
        Ranging(context, calibration, options).run(graphs, observed ? &*observed : nullptr));
    return static_quantization(std::move(graphs), ranges, options);
  };
  return {"OnnxStaticQuantization", std::move(json), run};
}

}  // namespace lapidary::passes
