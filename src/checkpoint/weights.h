// All tensors of a checkpoint directory: model.safetensors, or the shards that
// model.safetensors.index.json lists. A single file wins when both are there, as in transformers.
//
//   LAP_ASSIGN_OR_RETURN(Weights weights, Weights::open(dir));
//   LAP_ASSIGN_OR_RETURN(tensor::Tensor w, weights.tensor("model.language_model.norm.weight"));
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/safetensors.h"

namespace lapidary::checkpoint {

class Weights {
 public:
  // Errors name the file: no weights at all; an index that is damaged or that points outside the
  // directory; a missing shard; a tensor in the index but not in its shard, or the reverse; a total
  // size that is not the shards'.
  static Result<Weights> open(const std::filesystem::path& dir);

  // Sorted.
  const std::vector<std::string>& names() const { return names_; }
  const TensorEntry* find(std::string_view name) const;  // null: no such tensor
  // Lazy. Error: no such tensor.
  Result<tensor::Tensor> tensor(const std::string& name) const;
  // The file that holds it; `name` must exist.
  const std::filesystem::path& file_of(std::string_view name) const;

  const std::vector<std::shared_ptr<const SafetensorsFile>>& files() const { return files_; }
  // model.safetensors or the index: what messages about the whole point at.
  const std::filesystem::path& path() const { return path_; }
  int64_t total_bytes() const;  // of tensors

  // A fingerprint of the content, 32 hex digits, that costs milliseconds whatever the size:
  // XXH3-128 over each file's name, size and header, and of each tensor all bytes up to 16 KiB,
  // else 4 KiB at its start, middle and end. Two checkpoints of different training differ in every
  // tensor, so they differ here. Not covered: bytes changed in place between the samples; a cache
  // on the same machine should put `modification_times` into its key as well.
  std::string source_hash() const;
  // That what was hashed was there: see MappedFile::intact.
  Status intact() const;
  // Nanoseconds, one a file, in the order of `files`.
  std::vector<int64_t> modification_times() const;

 private:
  struct Place {
    size_t file;
    const TensorEntry* entry;
  };

  Status open_single(const std::filesystem::path& path);
  Status open_sharded(const std::filesystem::path& index);
  void build_index();
  const Place* place(std::string_view name) const;

  std::filesystem::path path_;
  std::vector<std::shared_ptr<const SafetensorsFile>> files_;
  std::vector<std::string> names_;
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace lapidary::checkpoint
