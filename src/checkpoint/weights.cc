#include "checkpoint/weights.h"

#include <fmt/core.h>

namespace lapidary::checkpoint {

Weights::Weights(const StoredTensors& stored) : path_(stored.path()) {
  for (const std::string& name : stored.names()) {
    weights_[name] = {*stored.tensor(name), stored.file_of(name), name};
  }
}

Result<Weights> Weights::open(const std::filesystem::path& dir) {
  LAP_ASSIGN_OR_RETURN(const StoredTensors stored, StoredTensors::open(dir));
  return Weights(stored);
}

std::vector<std::string> Weights::names() const {
  std::vector<std::string> out;
  out.reserve(weights_.size());
  for (const auto& [name, unused] : weights_) out.push_back(name);
  return out;
}

const Weight* Weights::find(std::string_view name) const {
  const auto it = weights_.find(name);
  return it == weights_.end() ? nullptr : &it->second;
}

Result<tensor::Tensor> Weights::tensor(const std::string& name) const {
  const Weight* found = find(name);
  if (found == nullptr) {
    return bad_input(path_.string(), fmt::format("tensor '{}' is missing", name),
                     "download the checkpoint again");
  }
  return found->value;
}

}  // namespace lapidary::checkpoint
