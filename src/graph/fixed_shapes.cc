#include "graph/fixed_shapes.h"

#include <fmt/core.h>

#include <utility>

#include "graph/integer_rules.h"
#include "graph/operators.h"
#include "graph/shape_rules.h"

namespace lapidary::graph {
namespace {

class Inference {
 public:
  Inference(const Graph& graph, const DimBindings& bindings) : graph_(graph), bindings_(bindings) {}

  Result<FixedShapes> run() {
    for (const auto& [name, tensor] : graph_.initializers) {
      LAP_RETURN_IF_ERROR(read_initializer(name, tensor));
    }
    for (const ValueInfo& input : graph_.inputs) LAP_RETURN_IF_ERROR(read_input(input));
    for (const Node& node : graph_.nodes) LAP_RETURN_IF_ERROR(infer(node));
    return std::move(out_);
  }

  // What cannot be told is left out.
  FixedShapes known() {
    for (const auto& [name, tensor] : graph_.initializers) {
      static_cast<void>(read_initializer(name, tensor));
    }
    for (const ValueInfo& input : graph_.inputs) static_cast<void>(read_input(input));
    for (const Node& node : graph_.nodes) static_cast<void>(infer(node));
    return std::move(out_);
  }

 private:
  Status read_initializer(const std::string& name, const Tensor& tensor) {
    out_.shapes[name] = tensor.shape();
    const bool is_integer = tensor.dtype() == DType::kInt64 || tensor.dtype() == DType::kInt32;
    if (!is_integer || tensor.type().elements() > kMostIntegers || graph_.is_input(name)) return {};
    LAP_ASSIGN_OR_RETURN(std::vector<int64_t> values, tensor.to_integers());
    out_.integers[name] = std::move(values);
    return {};
  }

  Status read_input(const ValueInfo& input) {
    if (!input.ranked) {
      return bad_input(fmt::format("input '{}'", input.name), "has no shape",
                       "export the model with the shapes of its inputs");
    }
    Shape shape;
    for (const Dim& dim : input.shape) {
      const auto* symbol = std::get_if<std::string>(&dim);
      const auto bound = symbol == nullptr ? bindings_.end() : bindings_.find(*symbol);
      if (symbol != nullptr && bound == bindings_.end()) {
        return bad_input(fmt::format("input '{}'", input.name),
                         fmt::format("dim '{}' has no size", *symbol),
                         "bind the symbol to a number");
      }
      shape.push_back(symbol != nullptr ? bound->second : std::get<int64_t>(dim));
    }
    if (!checked_elements(shape)) {
      return bad_input(fmt::format("input '{}'", input.name),
                       fmt::format("shape {} is out of range", tensor::to_string(shape)));
    }
    out_.shapes[input.name] = std::move(shape);
    return {};
  }

  Result<KnownInputs> known_inputs(const Node& node) const {
    KnownInputs in{node, {}, {}};
    for (const std::string& name : node.inputs) {
      const auto shape = out_.shapes.find(name);
      const auto values = out_.integers.find(name);
      if (!name.empty() && shape == out_.shapes.end()) {
        return in.mismatch(fmt::format("reads '{}', which nothing before it produces", name));
      }
      in.shapes.push_back(name.empty() ? nullptr : &shape->second);
      in.integers.push_back(values == out_.integers.end() ? nullptr : &values->second);
    }
    return in;
  }

  Status infer(const Node& node) {
    const Operator* op = find_operator(node);
    if (op == nullptr || op->shape.shapes == nullptr) {
      return unsupported(fmt::format("{}: node '{}'", graph_.name, node.name),
                         fmt::format("the shape that {} yields is not known", node.qualified_op()),
                         "export the model without that operator, or leave out the step that "
                         "needs to know");
    }
    LAP_ASSIGN_OR_RETURN(const KnownInputs in, known_inputs(node));
    for (size_t i = 0; i < op->shape.required; ++i) {
      if (!in.has(i)) return in.mismatch(fmt::format("lacks input {}", i));
    }
    LAP_ASSIGN_OR_RETURN(std::vector<Shape> shapes, op->shape.shapes(in));
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      if (node.outputs[k].empty()) continue;
      if (k >= shapes.size()) return in.mismatch("has more outputs than the operator");
      if (!checked_elements(shapes[k])) {
        return in.mismatch(fmt::format("yields shape {}", tensor::to_string(shapes[k])));
      }
    }
    follow_values(in, shapes);
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      if (!node.outputs[k].empty()) out_.shapes[node.outputs[k]] = std::move(shapes[k]);
    }
    return {};
  }

  void follow_values(const KnownInputs& in, const std::vector<Shape>& shapes) {
    const auto& outputs = in.node.outputs;
    if (outputs.empty() || outputs[0].empty()) return;
    if (*checked_elements(shapes[0]) > kMostIntegers) return;
    auto values = integer_values(in, shapes[0]);
    if (values) out_.integers[outputs[0]] = *std::move(values);
  }

  const Graph& graph_;
  const DimBindings& bindings_;
  FixedShapes out_;
};

}  // namespace

Result<FixedShapes> infer_shapes(const Graph& graph, const DimBindings& bindings) {
  return Inference(graph, bindings).run();
}

FixedShapes known_shapes(const Graph& graph, const DimBindings& bindings) {
  return Inference(graph, bindings).known();
}

}  // namespace lapidary::graph
