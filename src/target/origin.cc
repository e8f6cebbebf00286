#include "target/origin.h"

#include <algorithm>
#include <optional>
#include <set>

namespace lapidary::target {
namespace {

using graph::Node;
using Dims = std::vector<int64_t>;

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Without dims of 1 in front, which change nothing. (In between they do.)
std::optional<Dims> matrix_dims(const GraphFacts& facts, const std::string& value) {
  auto dims = facts.dims(value);
  if (!dims) return std::nullopt;
  const auto first = std::find_if(dims->begin(), dims->end(), [](int64_t dim) { return dim != 1; });
  return Dims(first, dims->end());
}

class Origin {
 public:
  Origin(const MadeBy& want, const Node& node, const GraphFacts& facts)
      : want_(want), node_(node), facts_(facts) {}

  Truth find() const {
    std::string value = node_.input(static_cast<size_t>(want_.operand));
    const Node* reader = &node_;
    Truth certain = Truth::kYes;
    for (size_t steps = 0; steps <= facts_.graph().nodes.size(); ++steps) {
      if (want_.only_reader && !is_only_reader(*reader, value)) return Truth::kNo;
      const Node* maker = facts_.producer(value);
      if (maker == nullptr) return Truth::kNo;
      if (contains(want_.ops, maker->qualified_op())) return std::min(certain, fits(*maker));
      const auto [before, truth] = seen_through(*maker);
      if (truth == Truth::kNo) return Truth::kNo;
      certain = std::min(certain, truth);
      reader = maker;
      value = before;
    }
    return Truth::kNo;
  }

 private:
  bool is_only_reader(const Node& reader, const std::string& value) const {
    if (facts_.graph().is_output(value)) return false;
    const auto& readers = facts_.readers(value);
    return std::all_of(readers.begin(), readers.end(), [&](const Node* each) {
      const bool swish = each->qualified_op() == "Mul" && contains(each->inputs, node_.outputs[0]);
      return each->outputs == reader.outputs || (reader.outputs == node_.outputs && swish);
    });
  }

  Truth fits(const Node& maker) const {
    if (want_.constant_weight && !facts_.operand(maker.input(1)).constant) return Truth::kNo;
    if (!want_.equal_dims) return Truth::kYes;
    const auto first = matrix_dims(facts_, maker.input(0));
    const auto second = matrix_dims(facts_, maker.input(1));
    if (!first || !second) return Truth::kUnknown;
    return *first == *second ? Truth::kYes : Truth::kNo;
  }

  struct Step {
    std::string before;
    Truth truth = Truth::kNo;
  };

  Step seen_through(const Node& node) const {
    static const std::set<std::string> conversions = {"QuantizeLinear", "DequantizeLinear",
                                                      "Identity"};
    static const std::set<std::string> shapes = {"Reshape", "Squeeze", "Unsqueeze"};
    const std::string op = node.qualified_op();
    const std::string first = node.input(0);
    if (conversions.contains(op) || contains(want_.through, op)) return {first, Truth::kYes};
    if (shapes.contains(op)) {
      const auto before = matrix_dims(facts_, first);
      const auto after = matrix_dims(facts_, node.outputs[0]);
      if (!before || !after) return {first, Truth::kUnknown};
      return {first, *before == *after ? Truth::kYes : Truth::kNo};
    }
    return op == "Add" ? product_with_bias(node) : Step{};
  }

  // ONNX Runtime makes one node of a product and a constant vector behind it.
  Step product_with_bias(const Node& add) const {
    for (const size_t bias : {size_t{0}, size_t{1}}) {
      const std::string product = add.input(1 - bias);
      const Node* maker = facts_.producer(product);
      const auto dims = facts_.dims(add.input(bias));
      const bool vector = dims && dims->size() == 1 && dims->front() > 1;
      if (!vector || !facts_.operand(add.input(bias)).constant || maker == nullptr) continue;
      if (maker->qualified_op() == "MatMul") return {product, Truth::kYes};
    }
    return {};
  }

  const MadeBy& want_;
  const Node& node_;
  const GraphFacts& facts_;
};

}  // namespace

Truth is_made_by(const MadeBy& want, const Node& node, const GraphFacts& facts) {
  return Origin(want, node, facts).find();
}

}  // namespace lapidary::target
