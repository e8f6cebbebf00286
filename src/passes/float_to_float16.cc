#include "passes/float_to_float16.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/glob.h"
#include "graph/body_captures.h"
#include "graph/dtype_inference.h"
#include "graph/float16_support.h"
#include "graph/fresh_names.h"
#include "graph/operators.h"
#include "tensor/expressions.h"
#include "weights/half.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;

// What ONNX Runtime's converter leaves in float32 unless told otherwise: kernels for float16 are
// missing, or positions and sums lose too much.
const std::vector<std::string>& default_op_block_list() {
  static const std::vector<std::string> list = {"ArrayFeatureExtractor",
                                                "Binarizer",
                                                "CastMap",
                                                "CategoryMapper",
                                                "CumSum",
                                                "DictVectorizer",
                                                "FeatureVectorizer",
                                                "Imputer",
                                                "LabelEncoder",
                                                "LinearClassifier",
                                                "LinearRegressor",
                                                "Max",
                                                "Min",
                                                "NonMaxSuppression",
                                                "Normalizer",
                                                "OneHotEncoder",
                                                "RandomUniformLike",
                                                "Range",
                                                "RoiAlign",
                                                "SVMClassifier",
                                                "SVMRegressor",
                                                "Scaler",
                                                "TopK",
                                                "TreeEnsemble",
                                                "TreeEnsembleClassifier",
                                                "TreeEnsembleRegressor",
                                                "Upsample",
                                                "ZipMap"};
  return list;
}

class Converter {
 public:
  Converter(Graph graph, graph::DTypes dtypes, const FloatToFloat16Options& options)
      : names_(graph), graph_(std::move(graph)), dtypes_(std::move(dtypes)), options_(options) {}

  Result<PassOutcome> run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    find_kept(nodes);
    convert_inputs();
    for (Node& node : nodes) {
      if (const auto kept = kept_.find(node.name); kept != kept_.end()) {
        LAP_RETURN_IF_ERROR(keep(node, kept->second));
      } else {
        convert(node);
      }
      graph_.nodes.push_back(std::move(node));
    }
    LAP_RETURN_IF_ERROR(convert_outputs());
    graph::remove_unused(graph_);
    outcome_.graph = std::move(graph_);
    return std::move(outcome_);
  }

 private:
  bool is_blocked(const Node& node) const {
    const auto& ops = options_.op_block_list;
    const auto& names = options_.node_block_list;
    return std::find(ops.begin(), ops.end(), node.op_type) != ops.end() ||
           std::any_of(names.begin(), names.end(),
                       [&](const std::string& pattern) { return glob_match(pattern, node.name); });
  }

  // ONNX Runtime 1.31 reuses the buffer of a cache for the next one and fails when a Cast stands
  // between it and the graph's input: "Shape mismatch attempting to re-use buffer".
  bool keeps_caches(const Node& node) const {
    return options_.keep_io_types && node.op_type == "GroupQueryAttention";
  }

  // Scales come out of the same expression as the codes, which no other expression can take apart.
  bool is_quantized(const Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& input) {
      const tensor::Tensor* weight = graph_.constant(input);
      return weight != nullptr && weight->producer()->outputs().size() > 1;
    });
  }

  // Why a node stays in float32; "" when it does not.
  std::string reason_to_keep(const Node& node) const {
    if (keeps_caches(node)) return "its caches stay float32 with keep_io_types";
    if (is_quantized(node)) return "it is quantized, with float32 scales";
    if (is_blocked(node)) return "left in float32 by the options";
    if (!node.opaque.empty()) return "its bodies or attributes are carried along in float32";
    if (support_of(node) == nullptr) {
      return node.domain.empty()
                 ? fmt::format("{} of opset {} takes no float16", node.op_type, opset())
                 : fmt::format("{} is not known to take float16", node.qualified_op());
    }
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !dtypes_.contains(input)) {
        return fmt::format("the dtype of its input '{}' is not known", input);
      }
    }
    return "";
  }

  int64_t opset() const {
    const auto standard = graph_.opsets.find("");
    return standard == graph_.opsets.end() ? 0 : standard->second;
  }
  const graph::Float16Support* support_of(const Node& node) const {
    return graph::float16_support(node, opset());
  }

  bool is_float(const std::string& value) const {
    const auto it = dtypes_.find(value);
    return it != dtypes_.end() && it->second == DType::kFloat;
  }
  bool touches_float(const Node& node) const {
    const auto test = [&](const auto& values) {
      return std::any_of(values.begin(), values.end(),
                         [&](const std::string& value) { return is_float(value); });
    };
    return test(node.inputs) || test(node.outputs) ||
           std::any_of(node.opaque.begin(), node.opaque.end(),
                       [&](const auto& entry) { return test(entry.second.captures); });
  }

  // Weights that float32 nodes read must stay as they are, under their own name.
  void find_kept(const std::vector<Node>& nodes) {
    for (const Node& node : nodes) {
      std::string reason = reason_to_keep(node);
      if (!reason.empty()) {
        kept_.emplace(node.name, std::move(reason));
        full_weights_.insert(node.inputs.begin(), node.inputs.end());
        for (const auto& [key, body] : node.opaque) {
          full_weights_.insert(body.captures.begin(), body.captures.end());
        }
      } else if (const auto full = support_of(node)->float_input) {
        full_weights_.insert(node.input(*full));
      }
    }
  }

  void convert_inputs() {
    for (graph::ValueInfo& input : graph_.inputs) {
      if (input.dtype != DType::kFloat || options_.keep_io_types) continue;
      input.dtype = DType::kFloat16;
      half_.insert(input.name);
      if (const auto it = graph_.initializers.find(input.name); it != graph_.initializers.end()) {
        it->second = half(it->second);
      }
    }
  }

  tensor::Tensor half(const tensor::Tensor& x) const {
    return weights::half_weight(x, options_.min_positive_val, options_.max_finite_val);
  }

  // The name under which `value`, a float, can be read as float16 (or float32), made if need be.
  std::string as(const std::string& value, DType wanted) {
    if (wanted == DType::kFloat16 && graph_.constant(value) != nullptr) return half_name(value);
    if (half_.contains(value) == (wanted == DType::kFloat16)) return value;
    std::string& name = casts_[{value, wanted}];
    if (name.empty()) {
      name = names_.fresh(fmt::format("{}/{}", value, name_of(wanted)));
      add_cast(value, name, wanted);
    }
    return name;
  }

  std::string half_name(const std::string& weight) {
    if (half_.contains(weight)) return weight;
    if (!full_weights_.contains(weight) && !(options_.keep_io_types && graph_.is_output(weight))) {
      graph_.initializers[weight] = half(graph_.initializers[weight]);
      half_.insert(weight);
      return weight;
    }
    std::string& name = halves_[weight];
    if (name.empty()) {
      name = names_.fresh(weight + "_float16");
      graph_.initializers.emplace(name, half(graph_.initializers[weight]));
      half_.insert(name);
    }
    return name;
  }

  void add_cast(const std::string& from, const std::string& to, DType dtype) {
    std::string name = names_.fresh(to + "/Cast");
    graph_.nodes.push_back(
        {"", "Cast", std::move(name), {from}, {to}, {{"to", static_cast<int64_t>(dtype)}}});
  }

  Status keep(Node& node, const std::string& reason) {
    if (!touches_float(node)) return {};
    for (std::string& input : node.inputs) {
      if (is_float(input)) input = as(input, DType::kFloat);
    }
    for (auto& [key, body] : node.opaque) {
      std::map<std::string, std::string> names;
      for (const std::string& value : body.captures) {
        if (!is_float(value)) continue;
        std::string full = as(value, DType::kFloat);
        if (full != value) names.emplace(value, std::move(full));
      }
      if (!names.empty()) LAP_RETURN_IF_ERROR(graph::rename_captures(body, names));
    }
    outcome_.declined.push_back({node.name, reason});
    return {};
  }

  void convert(Node& node) {
    if (!touches_float(node)) return;
    const std::optional<size_t> full = support_of(node)->float_input;
    std::vector<DType> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      std::string& input = node.inputs[i];
      const auto dtype = dtypes_.find(input);
      inputs.push_back(dtype == dtypes_.end() ? DType::kUndefined : dtype->second);
      if (inputs[i] != DType::kFloat) continue;
      inputs[i] = i == full ? DType::kFloat : DType::kFloat16;
      input = as(input, inputs[i]);
    }
    convert_attributes(node);
    const graph::Operator* op = graph::find_operator(node);
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      const bool follows = op->dtype(node, inputs, k) == DType::kFloat16;
      if (is_float(node.outputs[k]) && follows) half_.insert(node.outputs[k]);
    }
    ++outcome_.rewritten;
  }

  void convert_attributes(Node& node) const {
    if (node.qualified_op() == "Cast" &&
        node.int_attribute("to", 0) == static_cast<int64_t>(DType::kFloat)) {
      node.attributes["to"] = static_cast<int64_t>(DType::kFloat16);
    }
    if (node.qualified_op() == "ConstantOfShape" && !node.attributes.contains("value")) {
      node.attributes["value"] = tensor::Tensor(weights::half_weight(
          tensor::floats({1}, {0.0f}), options_.min_positive_val, options_.max_finite_val));
      return;
    }
    for (auto& [key, value] : node.attributes) {
      auto* tensor = std::get_if<tensor::Tensor>(&value);
      if (tensor != nullptr && tensor->dtype() == DType::kFloat) *tensor = half(*tensor);
    }
  }

  // An output of the other dtype than its producer's: the producer's value, which may be a weight,
  // is renamed and cast.
  Status convert_outputs() {
    for (graph::ValueInfo& output : graph_.outputs) {
      if (output.dtype != DType::kFloat) continue;
      const DType wanted = options_.keep_io_types ? DType::kFloat : DType::kFloat16;
      output.dtype = wanted;
      if (half_.contains(output.name) == (wanted == DType::kFloat16)) continue;
      if (graph_.constant(output.name) != nullptr && !full_weights_.contains(output.name)) {
        half_name(output.name);
        continue;
      }
      const std::string renamed = names_.fresh(output.name + "/computed");
      LAP_RETURN_IF_ERROR(rename(output.name, renamed));
      add_cast(renamed, output.name, wanted);
    }
    return {};
  }

  Status rename(const std::string& from, const std::string& to) {
    for (Node& node : graph_.nodes) {
      std::replace(node.inputs.begin(), node.inputs.end(), from, to);
      std::replace(node.outputs.begin(), node.outputs.end(), from, to);
      for (auto& [key, body] : node.opaque) {
        if (!body.captures.contains(from)) continue;
        LAP_RETURN_IF_ERROR(graph::rename_captures(body, {{from, to}}));
      }
    }
    if (auto weight = graph_.initializers.extract(from)) {
      weight.key() = to;
      graph_.initializers.insert(std::move(weight));
    }
    return {};
  }

  graph::FreshNames names_;
  Graph graph_;
  graph::DTypes dtypes_;  // of the graph as it came
  const FloatToFloat16Options& options_;
  PassOutcome outcome_;
  std::map<std::string, std::string> kept_;    // by name of a node: why it stays in float32
  std::set<std::string> half_;                 // values that are float16 now
  std::set<std::string> full_weights_;         // values that float32 nodes read
  std::map<std::string, std::string> halves_;  // weights that are there in both dtypes
  std::map<std::pair<std::string, DType>, std::string> casts_;  // value and dtype -> its name
};

}  // namespace

Result<PassOutcome> float_to_float16(Graph graph, const FloatToFloat16Options& options) {
  graph::DTypes dtypes = graph::known_dtypes(graph);
  return Converter(std::move(graph), std::move(dtypes), options).run();
}

BoundPass bind_float_to_float16(JsonReader& reader) {
  FloatToFloat16Options options;
  options.min_positive_val =
      reader.number_or("min_positive_val", options.min_positive_val, {5.96e-08, 1.0});
  options.max_finite_val =
      reader.number_or("max_finite_val", options.max_finite_val, {1.0, 65504.0});
  options.keep_io_types = reader.boolean_or("keep_io_types", options.keep_io_types);
  options.op_block_list =
      reader.has("op_block_list") ? reader.strings("op_block_list") : default_op_block_list();
  options.node_block_list = reader.strings("node_block_list");
  // Dtypes are inferred by rules of our own, and external data is always written.
  reader.ignore({"op_block_list", "use_symbolic_shape_infer", "save_as_external_data",
                 "all_tensors_to_one_file", "external_data_name", "size_threshold",
                 "convert_attribute"});
  reader.reject_unknown("what stays in float32 is named by op_block_list and node_block_list");
  Json json = {{"min_positive_val", options.min_positive_val},
               {"max_finite_val", options.max_finite_val},
               {"keep_io_types", options.keep_io_types},
               {"op_block_list", options.op_block_list},
               {"node_block_list", options.node_block_list}};
  return per_graph("OnnxFloatToFloat16", std::move(json),
                   [options](Graph graph) { return float_to_float16(std::move(graph), options); });
}

}  // namespace lapidary::passes
