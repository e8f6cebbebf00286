#include "graph/integer_rules.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <string>

namespace lapidary::graph {
namespace {

using Values = std::vector<int64_t>;
using Known = std::optional<Values>;
using Rule = Known (*)(const KnownInputs&, const Shape& output);

bool known(const KnownInputs& in, size_t i) {
  return i < in.integers.size() && in.integers[i] != nullptr;
}
const Values& values(const KnownInputs& in, size_t i) { return *in.integers[i]; }

// Operators that only change the shape.
Known same(const KnownInputs& in, const Shape&) {
  return known(in, 0) ? Known(values(in, 0)) : std::nullopt;
}

Known shape_of(const KnownInputs& in, const Shape& output) {
  const auto rank = static_cast<int64_t>(in.shape(0).size());
  int64_t start = in.node.int_attribute("start", 0);
  if (start < 0) start += rank;
  start = std::clamp<int64_t>(start, 0, rank);
  const auto begin = in.shape(0).begin() + start;
  return Values(begin, begin + output[0]);
}

Known size_of(const KnownInputs& in, const Shape&) {
  const auto elements = checked_elements(in.shape(0));
  return elements ? Known(Values{*elements}) : std::nullopt;
}

Known cast(const KnownInputs& in, const Shape&) {
  const auto to = static_cast<DType>(in.node.int_attribute("to", 0));
  if (!known(in, 0) || (to != DType::kInt64 && to != DType::kInt32)) return std::nullopt;
  const auto fits = [&](int64_t v) {
    return to == DType::kInt64 ||
           (v >= std::numeric_limits<int32_t>::min() && v <= std::numeric_limits<int32_t>::max());
  };
  if (!std::all_of(values(in, 0).begin(), values(in, 0).end(), fits)) return std::nullopt;
  return values(in, 0);
}

Known concat(const KnownInputs& in, const Shape& output) {
  if (output.size() != 1) return std::nullopt;
  Values out;
  for (size_t i = 0; i < in.integers.size(); ++i) {
    if (!known(in, i)) return std::nullopt;
    out.insert(out.end(), values(in, i).begin(), values(in, i).end());
  }
  return out;
}

Known gather(const KnownInputs& in, const Shape&) {
  if (!known(in, 0) || !known(in, 1) || in.shape(0).size() != 1) return std::nullopt;
  Values out;
  for (const int64_t index : values(in, 1)) {
    const auto at = checked_axis(index, values(in, 0).size());
    if (!at) return std::nullopt;
    out.push_back(values(in, 0)[*at]);
  }
  return out;
}

Known slice(const KnownInputs& in, const Shape& output) {
  if (!known(in, 0) || !known(in, 1) || !known(in, 2) || output.size() != 1) return std::nullopt;
  const int64_t step = known(in, 4) && !values(in, 4).empty() ? values(in, 4)[0] : 1;
  if (step == 0 || values(in, 1).size() != 1 || values(in, 2).size() != 1) return std::nullopt;
  const Cut cut = cut_of(in.shape(0)[0], values(in, 1)[0], values(in, 2)[0], step);
  Values out;
  for (int64_t i = 0; i < cut.count; ++i) {
    out.push_back(values(in, 0)[static_cast<size_t>(cut.begin + i * step)]);
  }
  return out;
}

Known range(const KnownInputs& in, const Shape& output) {
  if (!known(in, 0) || !known(in, 2)) return std::nullopt;
  Values out;
  for (int64_t i = 0; i < output[0]; ++i) out.push_back(values(in, 0)[0] + i * values(in, 2)[0]);
  return out;
}

Known filled(const KnownInputs& in, const Shape& output) {
  const auto it = in.node.attributes.find("value");
  const auto* value = it == in.node.attributes.end() ? nullptr : std::get_if<Tensor>(&it->second);
  if (value == nullptr || value->dtype() != DType::kInt64) return std::nullopt;
  const auto one = value->to_integers();
  if (!one.ok() || one->size() != 1) return std::nullopt;
  return Values(static_cast<size_t>(*checked_elements(output)), one->front());
}

Known negated(const KnownInputs& in, const Shape&) {
  if (!known(in, 0)) return std::nullopt;
  Values out = values(in, 0);
  for (int64_t& v : out) {
    if (v == std::numeric_limits<int64_t>::min()) return std::nullopt;
    v = -v;
  }
  return out;
}

// nullopt on overflow and division by zero. ONNX divides towards zero, Mod takes the divisor's
// sign.
using BinaryOp = std::optional<int64_t> (*)(int64_t, int64_t);

std::optional<int64_t> add(int64_t a, int64_t b) {
  int64_t out = 0;
  return __builtin_add_overflow(a, b, &out) ? std::nullopt : std::optional(out);
}
std::optional<int64_t> subtract(int64_t a, int64_t b) {
  int64_t out = 0;
  return __builtin_sub_overflow(a, b, &out) ? std::nullopt : std::optional(out);
}
std::optional<int64_t> multiply(int64_t a, int64_t b) {
  int64_t out = 0;
  return __builtin_mul_overflow(a, b, &out) ? std::nullopt : std::optional(out);
}
std::optional<int64_t> divide(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return b == 0 ? std::nullopt : subtract(0, a);
  return a / b;
}
std::optional<int64_t> modulo(int64_t a, int64_t b) {
  if (b == 0) return std::nullopt;
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
std::optional<int64_t> larger(int64_t a, int64_t b) { return std::max(a, b); }
std::optional<int64_t> smaller(int64_t a, int64_t b) { return std::min(a, b); }

// Where element `i` of a tensor of shape `output` is read from when `input` is broadcast to it.
size_t source_of(size_t i, const Shape& input, const Shape& output) {
  size_t at = 0;
  size_t stride = 1;
  for (size_t back = 1; back <= input.size(); ++back) {
    const auto size = static_cast<size_t>(output[output.size() - back]);
    const auto own = static_cast<size_t>(input[input.size() - back]);
    if (own != 1) at += i % size * stride;
    stride *= own;
    i /= size;
  }
  return at;
}

template <BinaryOp op>
Known elementwise(const KnownInputs& in, const Shape& output) {
  if (in.integers.size() != 2 || !known(in, 0) || !known(in, 1)) return std::nullopt;
  const auto count = static_cast<size_t>(*checked_elements(output));
  Values out;
  for (size_t i = 0; i < count; ++i) {
    const auto one = op(values(in, 0)[source_of(i, in.shape(0), output)],
                        values(in, 1)[source_of(i, in.shape(1), output)]);
    if (!one) return std::nullopt;
    out.push_back(*one);
  }
  return out;
}

const std::map<std::string, Rule, std::less<>>& rules() {
  static const std::map<std::string, Rule, std::less<>> table = {
      {"Add", &elementwise<add>},
      {"Cast", &cast},
      {"Concat", &concat},
      {"ConstantOfShape", &filled},
      {"Div", &elementwise<divide>},
      {"Gather", &gather},
      {"Identity", &same},
      {"Max", &elementwise<larger>},
      {"Min", &elementwise<smaller>},
      {"Mod", &elementwise<modulo>},
      {"Mul", &elementwise<multiply>},
      {"Neg", &negated},
      {"Range", &range},
      {"Reshape", &same},
      {"Shape", &shape_of},
      {"Size", &size_of},
      {"Slice", &slice},
      {"Squeeze", &same},
      {"Sub", &elementwise<subtract>},
      {"Unsqueeze", &same},
  };
  return table;
}

}  // namespace

std::optional<std::vector<int64_t>> integer_values(const KnownInputs& inputs, const Shape& output) {
  const auto rule = rules().find(inputs.node.qualified_op());
  return rule == rules().end() ? std::nullopt : rule->second(inputs, output);
}

}  // namespace lapidary::graph
