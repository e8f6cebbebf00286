#include "graph/operators.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "graph/dtype_rule_list.h"
#include "graph/shape_rule_list.h"

namespace lapidary::graph {
namespace {

namespace dtypes = dtype_rules;
namespace shapes = shape_rules;
using enum Quantization;

constexpr std::string_view kMs = kMicrosoftDomain;

// No shape rule was needed so far: the operator is in no graph of ours that has fixed shapes.
constexpr ShapeRule kNoShape = {};

// By domain and name.
constexpr auto kOperators = std::to_array<Operator>({
    {"", "Abs", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Add", dtypes::of_input<0>, {1, shapes::broadcast}, kAllInputs},
    {"", "And", dtypes::always<DType::kBool>, {1, shapes::broadcast}, kNone},
    {"", "ArgMax", dtypes::always<DType::kInt64>, kNoShape, kNone},
    {"", "ArgMin", dtypes::always<DType::kInt64>, kNoShape, kNone},
    {"", "Attention", dtypes::of_input<0>, {3, shapes::attention}, kNone},
    {"", "Cast", dtypes::cast_target, {1, shapes::same_as_first}, kNone},
    {"", "Ceil", dtypes::of_input<0>, {1, shapes::same_as_first}, kNone},
    {"", "Clip", dtypes::of_input<0>, {1, shapes::same_as_first}, kFirstInput},
    {"", "Compress", dtypes::of_input<0>, {2, shapes::data_dependent}, kNone},
    {"", "Concat", dtypes::of_input<0>, {1, shapes::concat}, kMovesAll},
    {"", "Constant", dtypes::constant_value, kNoShape, kNone},
    {"", "ConstantOfShape", dtypes::filled_value, {1, shapes::constant_of_shape}, kNone},
    {"", "Conv", dtypes::of_input<0>, {2, shapes::conv}, kAllInputs},
    {"", "Cos", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "CumSum", dtypes::of_input<0>, {1, shapes::same_as_first}, kNone},
    {"", "DequantizeLinear", dtypes::of_input<1>, {1, shapes::same_as_first}, kNone},
    {"", "Div", dtypes::of_input<0>, {1, shapes::broadcast}, kAllInputs},
    {"", "Equal", dtypes::always<DType::kBool>, {1, shapes::broadcast}, kNone},
    {"", "Erf", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Exp", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Expand", dtypes::of_input<0>, {2, shapes::expand}, kMovesFirst},
    {"", "Flatten", dtypes::of_input<0>, kNoShape, kMovesFirst},
    {"", "Floor", dtypes::of_input<0>, {1, shapes::same_as_first}, kNone},
    {"", "Gather", dtypes::of_input<0>, {2, shapes::gather}, kMovesFirst},
    {"", "GatherElements", dtypes::of_input<0>, {2, shapes::gather_elements}, kMovesFirst},
    {"", "GatherND", dtypes::of_input<0>, kNoShape, kMovesFirst},
    {"", "Gelu", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Gemm", dtypes::of_input<0>, {2, shapes::gemm}, kAllInputs},
    {"", "Greater", dtypes::always<DType::kBool>, {1, shapes::broadcast}, kNone},
    {"", "GreaterOrEqual", dtypes::always<DType::kBool>, {1, shapes::broadcast}, kNone},
    {"", "Identity", dtypes::of_input<0>, {1, shapes::same_as_first}, kMovesFirst},
    {"", "IsInf", dtypes::always<DType::kBool>, kNoShape, kNone},
    {"", "IsNaN", dtypes::always<DType::kBool>, kNoShape, kNone},
    {"", "LayerNormalization", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Less", dtypes::always<DType::kBool>, {1, shapes::broadcast}, kNone},
    {"", "LessOrEqual", dtypes::always<DType::kBool>, {1, shapes::broadcast}, kNone},
    {"", "Log", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "MatMul", dtypes::of_input<0>, {2, shapes::mat_mul}, kAllInputs},
    {"", "Max", dtypes::of_input<0>, {1, shapes::broadcast}, kAllInputs},
    {"", "Mean", dtypes::of_input<0>, {1, shapes::broadcast}, kAllInputs},
    {"", "Min", dtypes::of_input<0>, {1, shapes::broadcast}, kAllInputs},
    {"", "Mod", dtypes::of_input<0>, {1, shapes::broadcast}, kNone},
    {"", "Mul", dtypes::of_input<0>, {1, shapes::broadcast}, kAllInputs},
    {"", "Neg", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "NonZero", dtypes::always<DType::kInt64>, {1, shapes::data_dependent}, kNone},
    {"", "Not", dtypes::always<DType::kBool>, {1, shapes::same_as_first}, kNone},
    {"", "Or", dtypes::always<DType::kBool>, {1, shapes::broadcast}, kNone},
    {"", "Pad", dtypes::of_input<0>, {2, shapes::pad}, kMovesFirst},
    {"", "Pow", dtypes::of_input<0>, {1, shapes::broadcast}, kAllInputs},
    {"", "QuantizeLinear", dtypes::quantized, {1, shapes::same_as_first}, kNone},
    {"", "RMSNormalization", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Range", dtypes::of_input<0>, {3, shapes::range}, kNone},
    {"", "Reciprocal", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "ReduceMax", dtypes::of_input<0>, {1, shapes::reduce}, kFirstInput},
    {"", "ReduceMean", dtypes::of_input<0>, {1, shapes::reduce}, kFirstInput},
    {"", "ReduceMin", dtypes::of_input<0>, {1, shapes::reduce}, kFirstInput},
    {"", "ReduceSum", dtypes::of_input<0>, {1, shapes::reduce}, kFirstInput},
    {"", "Relu", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Reshape", dtypes::of_input<0>, {2, shapes::reshape}, kMovesFirst},
    {"", "RotaryEmbedding", dtypes::of_input<0>, {1, shapes::same_as_first}, kNone},
    {"", "Round", dtypes::of_input<0>, {1, shapes::same_as_first}, kNone},
    {"", "ScatterElements", dtypes::of_input<0>, {1, shapes::same_as_first}, kNone},
    {"", "ScatterND", dtypes::of_input<0>, {1, shapes::same_as_first}, kNone},
    {"", "Shape", dtypes::always<DType::kInt64>, {1, shapes::shape_of}, kNone},
    {"", "Sigmoid", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Sign", dtypes::of_input<0>, {1, shapes::same_as_first}, kNone},
    {"", "Sin", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Size", dtypes::always<DType::kInt64>, {1, shapes::size_of}, kNone},
    {"", "Slice", dtypes::of_input<0>, {3, shapes::slice}, kMovesFirst},
    {"", "Softmax", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Softplus", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Split", dtypes::of_input<0>, {1, shapes::split}, kMovesFirst},
    {"", "Sqrt", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Squeeze", dtypes::of_input<0>, {1, shapes::squeeze}, kMovesFirst},
    {"", "Sub", dtypes::of_input<0>, {1, shapes::broadcast}, kAllInputs},
    {"", "Swish", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Tanh", dtypes::of_input<0>, {1, shapes::same_as_first}, kAllInputs},
    {"", "Tile", dtypes::of_input<0>, {2, shapes::tile}, kMovesFirst},
    {"", "TopK", dtypes::values_then_indices, kNoShape, kNone},
    {"", "Transpose", dtypes::of_input<0>, {1, shapes::transpose}, kMovesFirst},
    {"", "Trilu", dtypes::of_input<0>, {1, shapes::same_as_first}, kNone},
    {"", "Unsqueeze", dtypes::of_input<0>, {2, shapes::unsqueeze}, kMovesFirst},
    {"", "Where", dtypes::of_input<1>, {1, shapes::broadcast}, kAllInputs},
    {"", "Xor", dtypes::always<DType::kBool>, {1, shapes::broadcast}, kNone},
    {kMs, "GatherBlockQuantized", dtypes::of_input<2>, kNoShape, kNone},
    {kMs, "GroupQueryAttention", dtypes::of_input<0>, {7, shapes::group_query_attention}, kNone},
    {kMs, "MatMulNBits", dtypes::of_input<0>, {3, shapes::mat_mul_nbits}, kNone},
    {kMs, "MultiHeadAttention", dtypes::of_input<0>, {3, shapes::multi_head_attention}, kNone},
    {kMs, "RotaryEmbedding", dtypes::of_input<0>, kNoShape, kNone},
});

auto key_of(const Operator& row) { return std::tie(row.domain, row.op_type); }

constexpr bool in_order(const Operator& a, const Operator& b) {
  return a.domain != b.domain ? a.domain < b.domain : a.op_type < b.op_type;
}
static_assert(std::adjacent_find(kOperators.begin(), kOperators.end(),
                                 [](const Operator& a, const Operator& b) {
                                   return !in_order(a, b);
                                 }) == kOperators.end(),
              "rows are in order, and no operator has two");

}  // namespace

std::span<const Operator> operators() { return kOperators; }

const Operator* find_operator(std::string_view domain, std::string_view op_type) {
  const auto row =
      std::lower_bound(kOperators.begin(), kOperators.end(), std::tie(domain, op_type),
                       [](const Operator& each, const auto& key) { return key_of(each) < key; });
  return row == kOperators.end() || key_of(*row) != std::tie(domain, op_type) ? nullptr : row;
}

const Operator* find_operator(const Node& node) { return find_operator(node.domain, node.op_type); }

}  // namespace lapidary::graph
