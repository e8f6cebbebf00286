#include "passes/weight_only/matmul_nbits_to_qdq.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/glob.h"
#include "contract/notes.h"
#include "passes/rewrite/node_rewriter.h"
#include "passes/rewrite/raise_opset.h"
#include "weights/nbits.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Tensor;

constexpr int64_t kOpset = 21;  // the first with blocks in DequantizeLinear

// Row k belongs to block k / block_size, which is what no g_idx means.
Result<bool> is_in_order(const Tensor& g_idx, int64_t block_size) {
  LAP_ASSIGN_OR_RETURN(const std::vector<int64_t> blocks, g_idx.to_integers());
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i] != static_cast<int64_t>(i) / block_size) return false;
  }
  return true;
}

// Codes that round to nearest put the largest weight at -8, with a negative scale where it is
// positive.
Result<bool> has_negative_scale(const weights::NBitsWeight& weight) {
  LAP_ASSIGN_OR_RETURN(const std::vector<float> scales, weight.scales.to_floats());
  return std::any_of(scales.begin(), scales.end(), [](float scale) { return scale < 0; });
}

// What the target makes of the form; "" for nothing bad.
std::string unsafe_reason(const weights::NBitsWeight& weight,
                          const weights::DequantizableForm& form, bool symmetric, bool negative,
                          const target::WeightForms& taken) {
  const std::string what = weight.per_channel() ? "channels" : "blocks";
  if (!form.is_signed && !taken.unsigned_codes) {
    return fmt::format("unsigned codes of {} come out wrong, or are refused", what);
  }
  if (!symmetric && !taken.zero_points) {
    return what + " with zero points come out wrong, or are refused";
  }
  if (form.by_output && !weight.per_channel() && !taken.transposed_blocks) {
    return "transposed blocks are refused";
  }
  if (negative && weight.per_channel() && !taken.negative_channel_scales) {
    return "channels with negative scales come out wrong";
  }
  return "";
}

class NBitsProducts {
 public:
  NBitsProducts(Graph graph, const MatMulNBitsToQdqOptions& options,
                const target::QuantizationTraits& traits)
      : options_(options), traits_(traits), out_(std::move(graph)) {}

  Result<PassOutcome> run() {
    for (Node& node : out_.take_nodes()) {
      if (node.domain != graph::kMicrosoftDomain || node.op_type != "MatMulNBits") {
        out_.keep(std::move(node));
        continue;
      }
      weights::NBitsWeight weight;
      LAP_ASSIGN_OR_RETURN(std::string reason, read(node, weight));
      if (!reason.empty()) {
        outcome_.declined.push_back({node.name, std::move(reason)});
        out_.keep(std::move(node));
        continue;
      }
      LAP_RETURN_IF_ERROR(rewrite(node, weight));
    }
    outcome_.graph = std::move(out_).finish();
    if (outcome_.rewritten > 0) LAP_RETURN_IF_ERROR(raise_opset(outcome_.graph, kOpset));
    return std::move(outcome_);
  }

 private:
  // Returns the reason against the node, "" when there is none.
  Result<std::string> read(const Node& node, weights::NBitsWeight& weight) {
    const auto excluded = [&](const std::string& glob) { return glob_match(glob, node.name); };
    if (std::any_of(options_.nodes_to_exclude.begin(), options_.nodes_to_exclude.end(), excluded)) {
      return std::string("excluded by the options");
    }
    const auto constant = [&](size_t index) {
      const Tensor* tensor = out_.graph().constant(node.input(index));
      return tensor == nullptr ? Tensor{} : *tensor;
    };
    weight = {constant(1),
              constant(2),
              constant(3),
              node.int_attribute("N", 0),
              node.int_attribute("K", 0),
              node.int_attribute("block_size", 0),
              static_cast<int>(node.int_attribute("bits", 4))};
    const Tensor g_idx = constant(4);
    for (size_t i = 1; i < std::min<size_t>(node.inputs.size(), 6); ++i) {
      if (!node.inputs[i].empty() && i != 5 && !constant(i).valid()) {
        return fmt::format("'{}' is no constant", node.inputs[i]);
      }
    }
    if (!weight.codes.valid() || !weight.scales.valid()) {
      return std::string("it has no codes or no scales");
    }
    if (node.int_attribute("weight_prepacked", 0) != 0) {
      return std::string("its codes are packed for one kind of processor");
    }
    if (std::string reason = weights::reason_against(weight); !reason.empty()) return reason;
    if (g_idx.valid()) {
      LAP_ASSIGN_OR_RETURN(const bool in_order, is_in_order(g_idx, weight.block_size));
      if (!in_order) return std::string("its rows are in another order (g_idx)");
    }
    return std::string();
  }

  Result<weights::DequantizableForm> form_of(const Node& node,
                                             const weights::NBitsWeight& weight) const {
    const bool is_signed = options_.use_signed_int || (weight.bits == 4 && options_.use_int4);
    weights::DequantizableForm form{is_signed, options_.use_transpose_op, false};
    if (options_.on_unsafe == OnUnsafe::kKeep) return form;
    LAP_ASSIGN_OR_RETURN(const bool symmetric, weights::is_symmetric(weight));
    bool negative = false;
    if (weight.per_channel()) {
      LAP_ASSIGN_OR_RETURN(negative, has_negative_scale(weight));
    }
    const std::string reason = unsafe_reason(weight, form, symmetric, negative, traits_.weights);
    if (reason.empty()) return form;
    if (options_.on_unsafe == OnUnsafe::kRefuse) {
      return unsupported(
          node.name, fmt::format("on {} {}", traits_.target, reason),
          "on_unsafe=recode makes signed codes without zero points and with positive scales; "
          "on_unsafe=keep is right on the CPU");
    }
    return weights::DequantizableForm{true, false, !symmetric || negative};
  }

  // The value of the dequantized weight, [K, N]; made once for nodes that share it.
  Result<std::string> weight_value(const Node& node, const weights::NBitsWeight& weight) {
    const std::vector<std::string> key = {node.input(1), node.input(2), node.input(3),
                                          fmt::format("{}", weight.k),
                                          fmt::format("{}", weight.block_size)};
    if (const auto it = made_.find(key); it != made_.end()) return it->second;
    LAP_ASSIGN_OR_RETURN(const weights::DequantizableForm form, form_of(node, weight));
    const weights::DequantizableWeight parts = weights::dequantizable(weight, form);
    const std::string base = node.inputs[1];
    const std::string type(name_of(parts.codes.dtype()));
    const std::string format = fmt::format("{}, block {}{}", type, weight.block_size,
                                           form.recode ? ", symmetric, coded anew" : "");
    const auto add = [&](const std::string& name, const Tensor& tensor) {
      std::string free = out_.add_constant(name, tensor);
      out_.graph().metadata[contract::notes::quantization(free)] = format;
      return free;
    };
    const std::vector<std::string> inputs = {
        add(fmt::format("{}_{}", base, type), parts.codes),
        add(fmt::format("{}_{}_scale", base, type), parts.scales),
        add(fmt::format("{}_{}_zero_point", base, type), parts.zero_points)};
    graph::Attributes attributes;
    const int64_t inputs_axis = form.by_output ? 1 : 0;
    attributes["axis"] = weight.per_channel() ? 1 - inputs_axis : inputs_axis;
    if (!weight.per_channel()) attributes["block_size"] = weight.block_size;
    std::string value = out_.op("DequantizeLinear", inputs, base, attributes);
    if (form.by_output) {
      value = out_.op("Transpose", {value}, base, {{"perm", std::vector<int64_t>{1, 0}}});
    }
    for (size_t i = 1; i < std::min<size_t>(node.inputs.size(), 4); ++i) {
      out_.graph().metadata.erase(contract::notes::quantization(node.inputs[i]));
    }
    made_.emplace(key, value);
    return value;
  }

  Status rewrite(Node& node, const weights::NBitsWeight& weight) {
    LAP_ASSIGN_OR_RETURN(const std::string value, weight_value(node, weight));
    const std::string bias = node.input(5);
    Node product{"", "MatMul", node.name, {node.inputs[0], value}, node.outputs, {}};
    if (!bias.empty()) {
      product.outputs = {out_.unique(node.name + "/product")};
      const std::string sum = product.outputs[0];
      out_.keep(std::move(product));
      out_.keep({"", "Add", out_.unique(node.name + "/Add"), {sum, bias}, node.outputs, {}});
    } else {
      out_.keep(std::move(product));
    }
    ++outcome_.rewritten;
    return {};
  }

  const MatMulNBitsToQdqOptions& options_;
  const target::QuantizationTraits& traits_;
  NodeRewriter out_;
  PassOutcome outcome_;
  std::map<std::vector<std::string>, std::string> made_;
};

OnUnsafe read_on_unsafe(JsonReader& reader) {
  const std::string text = reader.string_or("on_unsafe", "refuse");
  if (text == "recode") return OnUnsafe::kRecode;
  if (text == "keep") return OnUnsafe::kKeep;
  if (text != "refuse") {
    reader.fail("on_unsafe", fmt::format("'{}' is no choice", text), "use refuse, recode or keep");
  }
  return OnUnsafe::kRefuse;
}

}  // namespace

Result<PassOutcome> matmul_nbits_to_qdq(Graph graph, const MatMulNBitsToQdqOptions& options,
                                        const target::QuantizationTraits& traits) {
  std::vector<Declined> unmatched;
  for (const std::string& pattern : options.nodes_to_exclude) {
    const auto hit = [&](const Node& node) { return glob_match(pattern, node.name); };
    if (std::none_of(graph.nodes.begin(), graph.nodes.end(), hit)) {
      unmatched.push_back(absent(pattern, "this pattern of the options matches no node"));
    }
  }
  LAP_ASSIGN_OR_RETURN(PassOutcome outcome, NBitsProducts(std::move(graph), options, traits).run());
  for (Declined& each : unmatched) outcome.declined.push_back(std::move(each));
  return outcome;
}

BoundPass bind_matmul_nbits_to_qdq(JsonReader& reader) {
  MatMulNBitsToQdqOptions options;
  options.use_int4 = reader.boolean_or("use_int4", false);
  options.use_signed_int = reader.boolean_or("use_signed_int", false);
  options.use_transpose_op = reader.boolean_or("use_transpose_op", false);
  reader.boolean_or("add_zero_point", false);
  options.nodes_to_exclude = reader.strings("nodes_to_exclude");
  options.on_unsafe = read_on_unsafe(reader);
  // Lapidary always writes external data; Olive's switches for it change nothing here.
  reader.ignore({"save_as_external_data", "all_tensors_to_one_file", "external_data_name",
                 "size_threshold", "convert_attribute"});
  reader.reject_unknown();
  const char* on_unsafe = options.on_unsafe == OnUnsafe::kRefuse   ? "refuse"
                          : options.on_unsafe == OnUnsafe::kRecode ? "recode"
                                                                   : "keep";
  Json json = {{"use_int4", options.use_int4},
               {"use_signed_int", options.use_signed_int},
               {"use_transpose_op", options.use_transpose_op},
               {"nodes_to_exclude", options.nodes_to_exclude},
               {"on_unsafe", on_unsafe}};
  return per_graph_of_target("MatMulNBitsToQDQ", std::move(json),
                             [options](Graph graph, const target::QuantizationTraits& traits) {
                               return matmul_nbits_to_qdq(std::move(graph), options, traits);
                             });
}

}  // namespace lapidary::passes
