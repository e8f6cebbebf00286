// All tensors in the files of a checkpoint directory, as they are: model.safetensors, or the shards
// that model.safetensors.index.json lists. A single file wins when both are there, as in
// transformers. What they are to the model, checkpoint/weights.h says.
//
//   LAP_ASSIGN_OR_RETURN(StoredTensors stored, StoredTensors::open(dir));
//   LAP_ASSIGN_OR_RETURN(tensor::Tensor w, stored.tensor("model.language_model.norm.weight"));
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "checkpoint/safetensors.h"

namespace lapidary::checkpoint {

class StoredTensors {
 public:
  // Errors name the file: no weights at all; an index that is damaged or that points outside the
  // directory; a missing shard; a tensor in the index but not in its shard, or the reverse; a file
  // that is not downloaded whole, or a Git LFS pointer to one.
  static Result<StoredTensors> open(const std::filesystem::path& dir);
  // Of a checkpoint that is one file of another format.
  static StoredTensors of(std::shared_ptr<const TensorFile> file);

  // Sorted.
  const std::vector<std::string>& names() const { return names_; }
  const TensorEntry* find(std::string_view name) const;  // null: no such tensor
  // Lazy. Error: no such tensor.
  Result<tensor::Tensor> tensor(const std::string& name) const;
  // Bytes [offset, offset + out.size()) of a tensor, which must exist and have them. Copied, and
  // neither hashed nor counted as read. Errors: the file's.
  Status read(const std::string& name, int64_t offset, std::span<std::byte> out) const;
  // The file that holds it; `name` must exist.
  const std::filesystem::path& file_of(std::string_view name) const;

  const std::vector<std::shared_ptr<const TensorFile>>& files() const { return files_; }
  // The one file or the index: what messages about the whole point at.
  const std::filesystem::path& path() const { return path_; }
  // What was passed over, a sentence each: an index whose total size is not the shards', which
  // nothing depends on.
  const std::vector<std::string>& notes() const { return notes_; }
  int64_t total_bytes() const;  // of tensors

  // A fingerprint of samples, 32 hex digits, that costs milliseconds whatever the size:
  // XXH3-128 over each file's name, size and header, and of each tensor all bytes up to 16 KiB,
  // else 4 KiB at its start, middle and end. Two checkpoints of different training differ in every
  // tensor, so they differ here. Not covered: bytes changed in place between the samples. What is
  // kept under it must be held against tensor_hashes() before it is used again, and
  // `modification_times` in its key spare the attempt.
  std::string sample_hash() const;
  // That what was hashed was there: see MappedFile::intact.
  Status intact() const;
  // A fingerprint of all content, 32 hex digits: each file's name, header and tensor_hashes().
  // Tensors are hashed while they are read; what nobody read is read now, on all cores. Errors: a
  // file that cannot be read, or that got shorter; kCancelled.
  Result<std::string> content_hash(const Work& work) const;
  // The same of single tensors, by name (tensor/tensor_digest.h). Error also: no such tensor.
  Result<std::map<std::string, std::string>> tensor_hashes(const std::vector<std::string>& names,
                                                           const Work& work) const;
  // Tensors of which anything was read, in this process, through tensor(). Sorted.
  std::vector<std::string> names_read() const;
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
  // Reads what nobody read of these tensors, which must exist.
  Status complete_digests(const std::vector<std::string>& names, const Work& work) const;

  std::filesystem::path path_;
  std::vector<std::shared_ptr<const TensorFile>> files_;
  std::vector<std::string> names_;
  std::vector<std::string> notes_;
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace lapidary::checkpoint
