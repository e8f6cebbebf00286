#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "graph/shape_rule_list.h"

namespace lapidary::graph::shape_rules {
namespace {

// The positions of `axes` in a shape of this rank, ascending; nothing for one that is outside or
// named twice.
std::optional<std::set<size_t>> positions(const std::vector<int64_t>& axes, size_t rank) {
  std::set<size_t> out;
  for (const int64_t axis : axes) {
    const auto at = checked_axis(axis, rank);
    if (!at || !out.insert(*at).second) return std::nullopt;
  }
  return out;
}

std::vector<int64_t> counting(size_t count) {
  std::vector<int64_t> out(count);
  std::iota(out.begin(), out.end(), int64_t{0});
  return out;
}

}  // namespace

Shapes concat(const KnownInputs& in) {
  Shape out = in.shape(0);
  const auto axis = checked_axis(in.node.int_attribute("axis", 0), out.size());
  if (!axis) return in.mismatch("has no such axis");
  for (size_t i = 1; i < in.shapes.size(); ++i) {
    if (!in.has(i) || in.shape(i).size() != out.size()) return in.mismatch("has other ranks");
    for (size_t k = 0; k < out.size(); ++k) {
      if (k != *axis && in.shape(i)[k] != out[k]) return in.mismatch("does not fit");
    }
    if (__builtin_add_overflow(out[*axis], in.shape(i)[*axis], &out[*axis])) {
      return in.mismatch("is too large");
    }
  }
  return single(out);
}

Shapes constant_of_shape(const KnownInputs& in) {
  LAP_ASSIGN_OR_RETURN(Shape out, in.values(0));
  return single(std::move(out));
}

Shapes data_dependent(const KnownInputs& in) {
  return unsupported(in.where(), in.node.op_type + " yields as many elements as the data says",
                     "choose elements outside the graph, or compute all and mark the real ones");
}

Shapes expand(const KnownInputs& in) {
  LAP_ASSIGN_OR_RETURN(const Shape wanted, in.values(1));
  const Shape& x = in.shape(0);
  const size_t rank = std::max(x.size(), wanted.size());
  Shape out(rank, 1);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t a = i < rank - x.size() ? 1 : x[i - (rank - x.size())];
    const int64_t b = i < rank - wanted.size() ? 1 : wanted[i - (rank - wanted.size())];
    if (a != b && a != 1 && b != 1) return in.mismatch("cannot be expanded");
    out[i] = a == 1 ? b : a;
  }
  return single(out);
}

Shapes gather(const KnownInputs& in) {
  const int64_t axis = in.node.int_attribute("axis", 0);
  const auto at = checked_axis(axis, in.shape(0).size());
  if (!at) return in.mismatch(fmt::format("has no axis {}", axis));
  const auto middle = in.shape(0).begin() + static_cast<std::ptrdiff_t>(*at);
  Shape out(in.shape(0).begin(), middle);
  out.insert(out.end(), in.shape(1).begin(), in.shape(1).end());
  out.insert(out.end(), middle + 1, in.shape(0).end());
  return single(out);
}

Shapes gather_elements(const KnownInputs& in) { return single(in.shape(1)); }

Shapes pad(const KnownInputs& in) {
  LAP_ASSIGN_OR_RETURN(const std::vector<int64_t> pads, in.values(1));
  LAP_ASSIGN_OR_RETURN(const auto chosen, in.optional_values(3));
  Shape out = in.shape(0);
  const std::vector<int64_t> axes = chosen.value_or(counting(out.size()));
  if (!positions(axes, out.size()) || pads.size() != 2 * axes.size()) {
    return in.mismatch("has pads for another rank");
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t& dim = out[*checked_axis(axes[i], out.size())];
    if (__builtin_add_overflow(dim, pads[i], &dim) ||
        __builtin_add_overflow(dim, pads[i + axes.size()], &dim)) {
      return in.mismatch("is too large");
    }
  }
  return single(out);
}

Shapes range(const KnownInputs& in) {
  LAP_ASSIGN_OR_RETURN(const auto start, in.values(0));
  LAP_ASSIGN_OR_RETURN(const auto end, in.values(1));
  LAP_ASSIGN_OR_RETURN(const auto step, in.values(2));
  int64_t length = 0;
  if (start.size() != 1 || end.size() != 1 || step.size() != 1 || step[0] == 0 ||
      step[0] == std::numeric_limits<int64_t>::min() ||
      __builtin_sub_overflow(end[0], start[0], &length) ||
      length == std::numeric_limits<int64_t>::min()) {
    return in.mismatch("is no range");
  }
  const bool forward = step[0] > 0;
  const int64_t distance = forward ? length : -length;
  const int64_t stride = forward ? step[0] : -step[0];
  return single({distance > 0 ? (distance - 1) / stride + 1 : 0});
}

Shapes reshape(const KnownInputs& in) {
  LAP_ASSIGN_OR_RETURN(Shape out, in.values(1));
  const bool keeps_zero = in.node.int_attribute("allowzero", 0) != 0;
  std::optional<size_t> open;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == 0 && !keeps_zero) {
      if (i >= in.shape(0).size()) return in.mismatch("copies a dim that is not there");
      out[i] = in.shape(0)[i];
    } else if (out[i] == -1) {
      if (open) return in.mismatch("has two open dims");
      open = i;
    }
  }
  const auto have = checked_elements(in.shape(0));
  if (open) out[*open] = 1;
  const auto rest = checked_elements(out);
  if (!have || !rest) return in.mismatch("is out of range");
  if (open) {
    if (*rest == 0 || *have % *rest != 0) return in.mismatch("does not fit");
    out[*open] = *have / *rest;
  } else if (*rest != *have) {
    return in.mismatch(fmt::format("to {} does not fit", tensor::to_string(out)));
  }
  return single(out);
}

Shapes shape_of(const KnownInputs& in) {
  const auto rank = static_cast<int64_t>(in.shape(0).size());
  const auto place = [&](const char* key, int64_t fallback) {
    const int64_t value = in.node.int_attribute(key, fallback);
    return std::clamp<int64_t>(value < 0 ? value + rank : value, 0, rank);
  };
  return single({std::max<int64_t>(place("end", rank) - place("start", 0), 0)});
}

Shapes size_of(const KnownInputs& /*in*/) { return single({}); }

Shapes slice(const KnownInputs& in) {
  LAP_ASSIGN_OR_RETURN(const auto starts, in.values(1));
  LAP_ASSIGN_OR_RETURN(const auto ends, in.values(2));
  LAP_ASSIGN_OR_RETURN(const auto some_axes, in.optional_values(3));
  LAP_ASSIGN_OR_RETURN(const auto some_steps, in.optional_values(4));
  const auto axes = some_axes.value_or(counting(starts.size()));
  const auto steps = some_steps.value_or(std::vector<int64_t>(starts.size(), 1));
  Shape out = in.shape(0);
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size() || !positions(axes, out.size())) {
    return in.mismatch("has starts, ends, axes or steps that do not fit");
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    if (steps[i] == 0) return in.mismatch("has a step of 0");
    int64_t& dim = out[*checked_axis(axes[i], out.size())];
    dim = cut_of(dim, starts[i], ends[i], steps[i]).count;
  }
  return single(out);
}

Shapes split(const KnownInputs& in) {
  const Shape& x = in.shape(0);
  const auto axis = checked_axis(in.node.int_attribute("axis", 0), x.size());
  if (!axis) return in.mismatch("has no such axis");
  const auto pieces = static_cast<int64_t>(in.node.outputs.size());
  LAP_ASSIGN_OR_RETURN(auto sizes, in.optional_values(1));
  if (!sizes) {
    if (pieces == 0 || in.node.int_attribute("num_outputs", pieces) != pieces) {
      return in.mismatch("has another number of outputs");
    }
    const int64_t piece = x[*axis] == 0 ? 0 : (x[*axis] - 1) / pieces + 1;
    sizes = std::vector<int64_t>(static_cast<size_t>(pieces), piece);
    sizes->back() = x[*axis] - piece * (pieces - 1);
  }
  std::vector<Shape> out(sizes->size(), x);
  int64_t sum = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i][*axis] = (*sizes)[i];
    if (__builtin_add_overflow(sum, (*sizes)[i], &sum)) return in.mismatch("is too large");
  }
  if (sum != x[*axis]) return in.mismatch("does not fit");
  return out;
}

Shapes squeeze(const KnownInputs& in) {
  const Shape& x = in.shape(0);
  LAP_ASSIGN_OR_RETURN(const auto axes, in.optional_values(1));
  const auto gone = positions(axes.value_or(std::vector<int64_t>()), x.size());
  if (!gone) return in.mismatch("has no such axis");
  Shape out;
  for (size_t i = 0; i < x.size(); ++i) {
    if (gone->contains(i) && x[i] != 1) return in.mismatch("drops a dim that is not 1");
    const bool dropped = axes ? gone->contains(i) : x[i] == 1;
    if (!dropped) out.push_back(x[i]);
  }
  return single(out);
}

Shapes tile(const KnownInputs& in) {
  LAP_ASSIGN_OR_RETURN(const auto repeats, in.values(1));
  Shape out = in.shape(0);
  if (repeats.size() != out.size()) return in.mismatch("has repeats for another rank");
  for (size_t i = 0; i < out.size(); ++i) {
    if (__builtin_mul_overflow(out[i], repeats[i], &out[i])) return in.mismatch("is too large");
  }
  return single(out);
}

Shapes transpose(const KnownInputs& in) {
  const Shape& x = in.shape(0);
  const auto it = in.node.attributes.find("perm");
  std::vector<int64_t> perm = counting(x.size());
  std::reverse(perm.begin(), perm.end());
  if (it != in.node.attributes.end()) {
    if (const auto* given = std::get_if<std::vector<int64_t>>(&it->second)) perm = *given;
  }
  if (perm.size() != x.size() || !positions(perm, x.size())) {
    return in.mismatch("has a permutation of another rank");
  }
  Shape out;
  for (const int64_t axis : perm) out.push_back(x[*checked_axis(axis, x.size())]);
  return single(out);
}

Shapes unsqueeze(const KnownInputs& in) {
  LAP_ASSIGN_OR_RETURN(const auto axes, in.values(1));
  const size_t rank = in.shape(0).size() + axes.size();
  const auto fresh = positions(axes, rank);
  if (!fresh) return in.mismatch("has no such axis");
  Shape out;
  auto next = in.shape(0).begin();
  for (size_t i = 0; i < rank; ++i) out.push_back(fresh->contains(i) ? 1 : *next++);
  return single(out);
}

}  // namespace lapidary::graph::shape_rules
