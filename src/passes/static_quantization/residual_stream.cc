#include "passes/static_quantization/residual_stream.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "graph/fresh_names.h"
#include "passes/static_quantization/encoding_groups.h"
#include "tensor/expressions.h"

namespace lapidary::passes {
namespace {

using graph::Graph;
using graph::Node;
using tensor::Tensor;

constexpr double kLargestHalf = 65504;
// Calibration data is a sample, and headroom costs float16 no precision.
constexpr double kResidualHeadroom = 4;
// Below it, embeddings of ordinary size come near float16's subnormal numbers.
constexpr double kLeastFactor = 1.0 / 1024;

class StreamFinder {
 public:
  explicit StreamFinder(const Graph& graph) : graph_(graph) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const std::string& value : graph.nodes[i].reads()) readers_[value].push_back(i);
      for (const std::string& value : graph.nodes[i].outputs) producers_[value] = i;
    }
  }

  Result<ResidualStream> run() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      if (node.qualified_op() != "Add") continue;
      for (const size_t side : {size_t{0}, size_t{1}}) {
        if (!is_addend(node.inputs[side]) || is_addend(node.inputs[1 - side])) continue;
        const size_t norm = producers_.at(node.inputs[side]);
        out_.addends.emplace(node.inputs[side], norm);
        out_.islands.insert(graph_.nodes[norm].name);
        out_.normed.insert(graph_.nodes[norm].inputs[0]);
        out_.islands.insert(node.name);
        adds_.insert(i);
        reach(node.outputs[0]);
        reach(node.inputs[1 - side]);
      }
    }
    // A copy of each, since pass_on() appends to them.
    for (size_t next = 0; next < pending_.size();) pass_on(std::string(pending_[next++]));
    for (const std::string& value : pending_) {
      if (!comes_from_stream(value)) out_.entries.insert(value);
    }
    for (const std::string& value : pending_) LAP_RETURN_IF_ERROR(note_readers(value));
    for (const std::string& value : out_.entries) out_.values.erase(value);
    return std::move(out_);
  }

 private:
  bool is_addend(const std::string& value) const {
    const auto it = producers_.find(value);
    if (it == producers_.end() || graph_.is_output(value) || readers_.at(value).size() != 1) {
      return false;
    }
    const Node& node = graph_.nodes[it->second];
    return node.qualified_op() == "RMSNormalization" && node.inputs.size() > 1 &&
           graph_.constant(node.inputs[1]) != nullptr;
  }

  void reach(const std::string& value) {
    if (out_.values.insert(value).second) pending_.push_back(value);
  }

  // Its operand where the node takes a part of it, or multiplies it by a constant number.
  std::string passed_on(const Node& node) const {
    if (node.outputs.size() == 1 && moves_data(node) && data_inputs(node).size() == 1) {
      return node.inputs[0];
    }
    if (node.qualified_op() != "Mul") return "";
    for (const size_t side : {size_t{0}, size_t{1}}) {
      const Tensor* number = graph_.constant(node.inputs[1 - side]);
      if (number != nullptr && number->type().elements() == 1) return node.inputs[side];
    }
    return "";
  }

  void pass_on(const std::string& value) {
    const auto readers = readers_.find(value);
    if (readers == readers_.end()) return;
    for (const size_t i : readers->second) {
      if (passed_on(graph_.nodes[i]) != value) continue;
      out_.islands.insert(graph_.nodes[i].name);
      reach(graph_.nodes[i].outputs[0]);
    }
  }

  bool comes_from_stream(const std::string& value) const {
    const auto it = producers_.find(value);
    if (it == producers_.end()) return false;
    return adds_.contains(it->second) || out_.values.contains(passed_on(graph_.nodes[it->second]));
  }

  Status note_readers(const std::string& value) {
    const bool entry = out_.entries.contains(value);
    if (!entry && graph_.is_output(value)) return refused(value, "it is an output of the graph");
    const auto readers = readers_.find(value);
    if (readers == readers_.end()) return {};
    for (const size_t i : readers->second) {
      const Node& node = graph_.nodes[i];
      if (adds_.contains(i) || passed_on(node) == value) continue;
      if (node.qualified_op() == "RMSNormalization" && node.inputs[0] == value) {
        out_.norms.push_back(i);
        out_.islands.insert(node.name);
      } else if (entry || node.op_type == "Shape") {
        continue;  // reads what enters, as it was
      } else if (node.qualified_op() == "MatMul" && node.inputs[0] == value) {
        out_.products.push_back(i);
      } else {
        return refused(value, fmt::format("{} '{}' reads it", node.op_type, node.name));
      }
    }
    return {};
  }

  Status refused(const std::string& value, const std::string& why) const {
    return unsupported(fmt::format("residual_stream, value '{}'", value), why,
                       "leave residual_stream at int16 for this component");
  }

  const Graph& graph_;
  std::map<std::string, std::vector<size_t>> readers_;
  std::map<std::string, size_t> producers_;
  std::set<size_t> adds_;
  std::vector<std::string> pending_;
  ResidualStream out_;
};

double magnitude(const quant::Range& range) {
  return std::max(std::fabs(static_cast<double>(range.min)),
                  std::fabs(static_cast<double>(range.max)));
}

// Makes constants scaled by a number. One that several nodes read gets another name for those that
// want it scaled.
class StreamScaler {
 public:
  StreamScaler(Graph graph, float factor)
      : names_(graph), graph_(std::move(graph)), factor_(factor) {
    for (const Node& node : graph_.nodes) {
      for (const std::string& value : node.reads()) ++readers_[value];
    }
  }

  Result<Graph> run(ResidualStream& stream) {
    for (const auto& [value, norm] : stream.addends) {
      LAP_RETURN_IF_ERROR(scale_input(graph_.nodes[norm], 1, factor_));
    }
    for (const size_t i : stream.norms) {
      Node& norm = graph_.nodes[i];
      const float epsilon = norm.float_attribute("epsilon", kDefaultEpsilon);
      norm.attributes["epsilon"] = epsilon * factor_ * factor_;
    }
    for (const size_t i : stream.products) {
      LAP_RETURN_IF_ERROR(scale_input(graph_.nodes[i], 1, 1 / factor_));
    }
    enter(stream);
    return std::move(graph_);
  }

 private:
  static constexpr float kDefaultEpsilon = 1e-5F;  // ONNX's

  Node* producer(const std::string& value) {
    const auto it = std::find_if(graph_.nodes.begin(), graph_.nodes.end(), [&](const Node& node) {
      return std::find(node.outputs.begin(), node.outputs.end(), value) != node.outputs.end();
    });
    return it == graph_.nodes.end() ? nullptr : &*it;
  }

  // A constant, or one that came quantized: then the innermost scale is multiplied.
  Status scale_input(Node& node, size_t i, float by) {
    const std::string value = node.inputs[i];
    if (const Tensor* constant = graph_.constant(value); constant != nullptr) {
      if (constant->dtype() != DType::kFloat) return no_weight(node);
      const Tensor scaled = tensor::scale(*constant, by);
      if (readers_.at(value) > 1) node.inputs[i] = names_.fresh(value + "_scaled");
      graph_.initializers[node.inputs[i]] = scaled;
      return {};
    }
    Node* maker = producer(value);
    if (maker == nullptr || readers_.at(value) > 1) return no_weight(node);
    if (maker->qualified_op() == "DequantizeLinear") return scale_input(*maker, 1, by);
    if (maker->qualified_op() == "Transpose") return scale_input(*maker, 0, by);
    return no_weight(node);
  }

  static Status no_weight(const Node& node) {
    return unsupported(fmt::format("residual_stream, {} '{}'", node.op_type, node.name),
                       "what it multiplies the stream by is no constant of its own in float32",
                       "leave residual_stream at int16 for this component");
  }

  void enter(ResidualStream& stream) {
    if (stream.entries.empty()) return;
    const std::string number = names_.fresh("residual_stream.factor");
    graph_.initializers.emplace(number, tensor::scalar(factor_));
    for (const std::string& value : stream.entries) {
      const std::string entered = names_.fresh(value + "/residual");
      for (Node& node : graph_.nodes) {
        if (!stream.islands.contains(node.name)) continue;
        std::replace(node.inputs.begin(), node.inputs.end(), value, entered);
      }
      auto at = graph_.nodes.begin();
      if (const Node* maker = producer(value); maker != nullptr) {
        at += maker - graph_.nodes.data() + 1;
      }
      stream.islands.insert(entered);
      graph_.nodes.insert(at, {"", "Mul", entered, {value, number}, {entered}, {}});
    }
  }

  graph::FreshNames names_;
  Graph graph_;
  const float factor_;
  std::map<std::string, int64_t> readers_;
};

}  // namespace

std::vector<std::string> ResidualStream::halves() const {
  std::vector<std::string> out(values.begin(), values.end());
  out.insert(out.end(), entries.begin(), entries.end());
  for (const auto& [value, norm] : addends) out.push_back(value);
  return out;
}

Result<ResidualStream> find_residual_stream(const Graph& graph) {
  return StreamFinder(graph).run();
}

Result<float> residual_factor(const std::vector<const Graph*>& graphs,
                              const std::vector<ResidualStream>& streams,
                              const quant::Ranges& ranges, double margin) {
  double largest = 0;
  std::string where;
  for (size_t i = 0; i < streams.size(); ++i) {
    for (const std::string& value : streams[i].halves()) {
      const quant::Range* range = ranges.find(value);
      if (range == nullptr && graphs[i]->is_input(value)) continue;
      if (range == nullptr) {
        return bad_input("static quantization",
                         fmt::format("value '{}' has no calibrated range", value),
                         "calibrate it, or leave residual_stream at int16");
      }
      if (magnitude(*range) > largest) {
        largest = magnitude(*range);
        where = value;
      }
    }
    for (const std::string& value : streams[i].normed) {
      const quant::Range* range = ranges.find(value);
      if (range != nullptr && magnitude(*range) * (1 + margin) > kLargestHalf) {
        return unsupported(fmt::format("residual_stream, value '{}'", value),
                           fmt::format("reaches {:.3g}, and float16 ends at {:.0f}",
                                       magnitude(*range), kLargestHalf),
                           "leave residual_stream at int16 for this component");
      }
    }
  }
  double factor = 1;
  while (largest * (1 + margin) * kResidualHeadroom * factor > kLargestHalf) factor /= 2;
  if (factor < kLeastFactor) {
    return unsupported(
        fmt::format("residual_stream, value '{}'", where),
        fmt::format("reaches {:.3g}: no factor of 1/1024 or more makes it fit float16", largest),
        "leave residual_stream at int16 for this component");
  }
  return static_cast<float>(factor);
}

Result<Graph> scale_residual_stream(Graph graph, ResidualStream& stream, float factor) {
  if (factor == 1) return graph;
  return StreamScaler(std::move(graph), factor).run(stream);
}

Result<quant::Ranges> scaled_ranges(const quant::Ranges& ranges,
                                    const std::vector<ResidualStream>& streams, float factor) {
  quant::Ranges out = ranges;
  std::set<std::string> values;
  for (const ResidualStream& stream : streams) {
    values.insert(stream.values.begin(), stream.values.end());
    for (const auto& [value, norm] : stream.addends) values.insert(value);
  }
  for (const std::string& value : values) {
    const quant::Range* range = ranges.find(value);
    if (range == nullptr) continue;
    LAP_RETURN_IF_ERROR(out.set(value, {range->min * factor, range->max * factor}));
  }
  return out;
}

}  // namespace lapidary::passes
