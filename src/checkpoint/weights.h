// The model's tensors under the names that Hugging Face's code gives them, whatever they are called
// and however they are packed in the files: each a lazy expression over what StoredTensors holds.
//
//   LAP_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::open(dir));
//   const std::string name = "model.language_model.norm.weight";
//   LAP_ASSIGN_OR_RETURN(tensor::Tensor w, checkpoint.weights.tensor(name));
//
// A value: what reads a checkpoint takes one, renames, unpacks or adds to it, and hands it on.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/stored_tensors.h"
#include "tensor/tensor.h"

namespace lapidary::checkpoint {

struct Weight {
  tensor::Tensor value;
  std::filesystem::path file;  // that holds it, or its first part: what messages point at
  std::string stored_as;       // its name there, or its first part's
};

class Weights {
 public:
  Weights() = default;
  // None yet. `path` is what messages about the whole point at.
  explicit Weights(std::filesystem::path path) : path_(std::move(path)) {}
  // Every tensor as it is stored, under its own name.
  explicit Weights(const StoredTensors& stored);
  // The same of a folder whose names are the model's. Errors: StoredTensors::open's.
  static Result<Weights> open(const std::filesystem::path& dir);

  std::vector<std::string> names() const;           // sorted
  const Weight* find(std::string_view name) const;  // null: no such tensor
  // Error: no such tensor.
  Result<tensor::Tensor> tensor(const std::string& name) const;
  // What messages about the whole point at.
  const std::filesystem::path& path() const { return path_; }

  void set(const std::string& name, Weight weight) { weights_[name] = std::move(weight); }
  void erase(const std::string& name) { weights_.erase(name); }

 private:
  std::filesystem::path path_;
  std::map<std::string, Weight, std::less<>> weights_;
};

}  // namespace lapidary::checkpoint
