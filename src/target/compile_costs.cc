#include "target/compile_costs.h"

namespace lapidary::target {

int64_t CompileCosts::binary_bytes(int64_t weight_bytes,
                                   std::span<const CompileLoad> graphs) const {
  double out = binary_bytes_per_weight_byte * static_cast<double>(weight_bytes);
  for (const CompileLoad& each : graphs) {
    out += binary_bytes_per_node * static_cast<double>(each.nodes);
  }
  return static_cast<int64_t>(out);
}

int64_t CompileCosts::peak_bytes(std::span<const CompileLoad> graphs) const {
  double kept = 0;
  double out = 0;
  for (const CompileLoad& each : graphs) {
    const auto weights = static_cast<double>(each.weight_bytes);
    const double own =
        bytes_per_weight_byte * weights + bytes_per_node * static_cast<double>(each.nodes);
    out = std::max(out, kept + own);
    kept += kept_bytes_per_weight_byte * weights;
  }
  return static_cast<int64_t>(base_bytes + out);
}

const CompileCosts& compile_costs() {
  static const CompileCosts costs{};
  return costs;
}

}  // namespace lapidary::target
