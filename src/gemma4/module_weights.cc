#include "gemma4/module_weights.h"

#include <fmt/core.h>

namespace lapidary::gemma4 {

void ModuleWeights::read(tensor::Tensor& to, const std::string& name) {
  auto found = weights_.tensor(fmt::format("{}.{}", path_, name));
  if (found.ok()) {
    to = *std::move(found);
  } else if (!error_) {
    error_ = found.take_error();
  }
}

void ModuleWeights::read(std::optional<tensor::Tensor>& to, const std::string& name) {
  read(to.emplace(), name);
}

void ModuleWeights::read(nn::ClippedLinearWeights& to, const std::string& name, bool clipped) {
  read(to.weight, name + ".linear.weight");
  if (!clipped) return;
  nn::ClipBounds& bounds = to.bounds.emplace();
  read(bounds.input_min, name + ".input_min");
  read(bounds.input_max, name + ".input_max");
  read(bounds.output_min, name + ".output_min");
  read(bounds.output_max, name + ".output_max");
}

Status ModuleWeights::status() const {
  if (error_) return *error_;
  return {};
}

}  // namespace lapidary::gemma4
