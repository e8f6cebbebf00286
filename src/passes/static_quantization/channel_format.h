// Inside OnnxStaticQuantization: how the weight of one node is encoded, channel by channel.
#pragma once

#include <string>

#include "passes/static_quantization/static_quantization.h"

namespace lapidary::passes {

struct ChannelFormat {
  size_t axis = 1;  // of the weight's output channels
  DType type = DType::kInt8;
  quant::ScaleSearch search = quant::ScaleSearch::kMinMax;
  WeightRounding rounding = WeightRounding::kNearest;

  // Only products [K, N] can be rounded so; others are rounded to nearest.
  bool error_aware() const { return rounding == WeightRounding::kErrorAware && axis == 1; }
  std::string suffix() const;    // of the codes' name: "_int4_error_aware"
  std::string describe() const;  // "int4, per channel, symmetric, mse"
};

// What the options say of the node; `axis` is that of QuantizationPlan::channel_axis.
ChannelFormat channel_format(const std::string& node, size_t axis,
                             const StaticQuantizationOptions& options);

}  // namespace lapidary::passes
