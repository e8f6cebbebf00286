// Looks up the tensors under one module path of a checkpoint; remembers the first that is missing.
//
//   ModuleWeights m(weights, "model.language_model.layers.3");
//   m.read(w.q_proj, "self_attn.q_proj.weight");
//   LAP_RETURN_IF_ERROR(m.status());
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "checkpoint/weights.h"
#include "nn/clipped_linear.h"
#include "tensor/tensor.h"

namespace lapidary::gemma4 {

class ModuleWeights {
 public:
  ModuleWeights(const checkpoint::Weights& weights, std::string path)
      : weights_(weights), path_(std::move(path)) {}

  void read(tensor::Tensor& to, const std::string& name);
  void read(std::optional<tensor::Tensor>& to, const std::string& name);
  // <name>.linear.weight and, when `clipped`, <name>.input_min and so on.
  void read(nn::ClippedLinearWeights& to, const std::string& name, bool clipped);

  Status status() const;

 private:
  const checkpoint::Weights& weights_;
  std::string path_;
  std::optional<Error> error_;
};

}  // namespace lapidary::gemma4
