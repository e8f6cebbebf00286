#include "graph/shape_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace lapidary::graph {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 62;
constexpr int64_t kLargestDim = int64_t{1} << 40;  // sums of a few dims cannot overflow

}  // namespace

Result<std::vector<int64_t>> KnownInputs::values(size_t i) const {
  if (i < integers.size() && integers[i] != nullptr) return *integers[i];
  const std::string name = i < node.inputs.size() ? node.inputs[i] : fmt::format("input {}", i);
  return unsupported(
      where(), fmt::format("its shape depends on '{}', whose values are data of the run", name),
      "fix what that value is computed from");
}

Result<std::optional<std::vector<int64_t>>> KnownInputs::optional_values(size_t i) const {
  if (!has(i)) return std::optional<std::vector<int64_t>>();
  LAP_ASSIGN_OR_RETURN(std::vector<int64_t> out, values(i));
  return std::optional(std::move(out));
}

Error KnownInputs::mismatch(const std::string& what) const {
  std::vector<std::string> list;
  for (const Shape* shape : shapes) {
    list.push_back(shape == nullptr ? "_" : tensor::to_string(*shape));
  }
  return bad_input(where(),
                   fmt::format("{} of {} {}", node.qualified_op(), fmt::join(list, ", "), what));
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
