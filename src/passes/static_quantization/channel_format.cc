#include "passes/static_quantization/channel_format.h"

#include "base/glob.h"

namespace lapidary::passes {
namespace {

// What the first override that matches `name` and sets `field` says.
template <typename T>
T overridden(const StaticQuantizationOptions& options, const std::string& name,
             std::optional<T> StaticNodeOverride::*field, T otherwise) {
  for (const auto& [pattern, change] : options.node_overrides) {
    if (change.*field && glob_match(pattern, name)) return *(change.*field);
  }
  return otherwise;
}

}  // namespace

std::string ChannelFormat::suffix() const {
  std::string out = "_" + std::string(name_of(type));
  if (error_aware()) {
    out += "_error_aware";
  } else if (search == quant::ScaleSearch::kMse) {
    out += "_mse";
  }
  return out + (axis == 0 ? "_rows" : "");
}

std::string ChannelFormat::describe() const {
  const std::string how = error_aware()                        ? "error-aware"
                          : search == quant::ScaleSearch::kMse ? "mse"
                                                               : "min-max";
  return std::string(name_of(type)) + ", per channel, symmetric, " + how;
}

ChannelFormat channel_format(const std::string& node, size_t axis,
                             const StaticQuantizationOptions& options) {
  return {axis, overridden(options, node, &StaticNodeOverride::weight_type, options.weight_type),
          overridden(options, node, &StaticNodeOverride::weight_search, options.weight_search),
          overridden(options, node, &StaticNodeOverride::weight_rounding, options.weight_rounding)};
}

}  // namespace lapidary::passes
