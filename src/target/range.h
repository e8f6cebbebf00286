// From one number to another, both included.
#pragma once

#include <limits>

namespace lapidary::target {

struct Range {
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
  bool holds(double value) const { return value >= min && value <= max; }
};

}  // namespace lapidary::target
