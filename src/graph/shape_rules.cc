#include "graph/shape_rules.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>

#include "graph/shape_rule_list.h"

namespace lapidary::graph {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 62;
constexpr int64_t kLargestDim = int64_t{1} << 40;  // sums of a few dims cannot overflow

const std::initializer_list<const char*> kSameAsFirst = {"Abs",
                                                         "Cast",
                                                         "Ceil",
                                                         "Clip",
                                                         "Cos",
                                                         "CumSum",
                                                         "DequantizeLinear",
                                                         "Erf",
                                                         "Exp",
                                                         "Floor",
                                                         "Gelu",
                                                         "Identity",
                                                         "LayerNormalization",
                                                         "Log",
                                                         "Neg",
                                                         "Not",
                                                         "QuantizeLinear",
                                                         "RMSNormalization",
                                                         "Reciprocal",
                                                         "Relu",
                                                         "RotaryEmbedding",
                                                         "Round",
                                                         "ScatterElements",
                                                         "ScatterND",
                                                         "Sigmoid",
                                                         "Sign",
                                                         "Sin",
                                                         "Softmax",
                                                         "Softplus",
                                                         "Sqrt",
                                                         "Swish",
                                                         "Tanh",
                                                         "Trilu"};

const std::initializer_list<const char*> kBroadcast = {
    "Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min",
    "Mod", "Mul", "Or",  "Pow",   "Sub",     "Where",          "Xor"};

std::map<std::string, ShapeRule, std::less<>> make_rules() {
  namespace rule = shape_rules;
  std::map<std::string, ShapeRule, std::less<>> table = {
      {"Attention", {3, &rule::attention}},
      {"Compress", {2, &rule::data_dependent}},
      {"Concat", {1, &rule::concat}},
      {"ConstantOfShape", {1, &rule::constant_of_shape}},
      {"Conv", {2, &rule::conv}},
      {"Expand", {2, &rule::expand}},
      {"Gather", {2, &rule::gather}},
      {"GatherElements", {2, &rule::gather_elements}},
      {"Gemm", {2, &rule::gemm}},
      {"MatMul", {2, &rule::mat_mul}},
      {"NonZero", {1, &rule::data_dependent}},
      {"Pad", {2, &rule::pad}},
      {"Range", {3, &rule::range}},
      {"Reshape", {2, &rule::reshape}},
      {"Shape", {1, &rule::shape_of}},
      {"Size", {1, &rule::size_of}},
      {"Slice", {3, &rule::slice}},
      {"Split", {1, &rule::split}},
      {"Squeeze", {1, &rule::squeeze}},
      {"Tile", {2, &rule::tile}},
      {"Transpose", {1, &rule::transpose}},
      {"Unsqueeze", {2, &rule::unsqueeze}},
      {"com.microsoft::GroupQueryAttention", {7, &rule::group_query_attention}},
      {"com.microsoft::MatMulNBits", {3, &rule::mat_mul_nbits}},
      {"com.microsoft::MultiHeadAttention", {3, &rule::multi_head_attention}},
  };
  for (const char* op : kSameAsFirst) table[op] = {1, &rule::same_as_first};
  for (const char* op : kBroadcast) table[op] = {1, &rule::broadcast};
  for (const char* op : {"ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"}) {
    table[op] = {1, &rule::reduce};
  }
  return table;
}

}  // namespace

Result<std::vector<int64_t>> KnownInputs::values(size_t i) const {
  if (i < integers.size() && integers[i] != nullptr) return *integers[i];
  const std::string name = i < node.inputs.size() ? node.inputs[i] : "input " + std::to_string(i);
  return unsupported(where(),
                     "its shape depends on '" + name + "', whose values are data of the run",
                     "fix what that value is computed from");
}

Result<std::optional<std::vector<int64_t>>> KnownInputs::optional_values(size_t i) const {
  if (!has(i)) return std::optional<std::vector<int64_t>>();
  LAP_ASSIGN_OR_RETURN(std::vector<int64_t> out, values(i));
  return std::optional(std::move(out));
}

Error KnownInputs::mismatch(const std::string& what) const {
  std::string list;
  for (const Shape* shape : shapes) {
    list += (list.empty() ? "" : ", ") + (shape == nullptr ? "_" : tensor::to_string(*shape));
  }
  return bad_input(where(), node.qualified_op() + " of " + list + " " + what);
}

const ShapeRule* find_shape_rule(const std::string& qualified_op) {
  static const auto table = make_rules();
  const auto found = table.find(qualified_op);
  return found == table.end() ? nullptr : &found->second;
}

std::optional<int64_t> checked_elements(const Shape& shape) {
  int64_t product = 1;
  for (const int64_t dim : shape) {
    if (dim < 0 || dim > kLargestDim || __builtin_mul_overflow(product, dim, &product))
      return std::nullopt;
  }
  return product <= kMostElements ? std::optional(product) : std::nullopt;
}

std::optional<size_t> checked_axis(int64_t axis, size_t rank) {
  const auto size = static_cast<int64_t>(rank);
  if (axis < -size || axis >= size) return std::nullopt;
  return static_cast<size_t>(axis < 0 ? axis + size : axis);
}

Cut cut_of(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (start < 0) start += size;
  if (end < 0) end += size;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, size);
    end = std::clamp<int64_t>(end, 0, size);
    return {start, end > start ? (end - start - 1) / step + 1 : 0};
  }
  start = std::clamp<int64_t>(start, -1, size - 1);
  end = std::clamp<int64_t>(end, -1, size - 1);
  if (start <= end) return {0, 0};
  return {start, (step == std::numeric_limits<int64_t>::min()) ? 1 : (start - end - 1) / -step + 1};
}

}  // namespace lapidary::graph
