// A Gemma 4 checkpoint directory in Hugging Face layout, opened, typed and validated as a whole.
//
//   LAP_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::open("models/tiny-gemma4/checkpoint"));
//   const TextConfig& text = checkpoint.config.text;
//   LAP_ASSIGN_OR_RETURN(auto w, checkpoint.weights.tensor("model.language_model.norm.weight"));
//
// Tensors have the model's names, whatever they are stored as (tensor_names.h). None is read but
// for samples of a head beside a tied table: opening costs the headers. Tokenizer and chat template
// are named, not parsed; text/ does that.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file_set.h"
#include "base/result.h"
#include "checkpoint/adapter.h"
#include "checkpoint/config.h"
#include "checkpoint/generation_config.h"
#include "checkpoint/processor_config.h"
#include "checkpoint/stored_tensors.h"
#include "checkpoint/tied_head.h"
#include "checkpoint/weights.h"

namespace lapidary::checkpoint {

struct OpenOptions {
  std::vector<AdapterSource> adapters = {};  // added in this order (adapter_merge.h)
  // A file whose chat template takes the place of the checkpoint's (text/given_template.h); empty:
  // none. Part of both hashes, as any side file.
  std::filesystem::path chat_template = {};
};

struct Checkpoint {
  std::filesystem::path path;  // as given: a folder, or a GGUF file
  FileSet files;               // beside the weights, or the texts that say what they would
  Config config;
  GenerationConfig generation;
  ProcessorConfig processor;
  StoredTensors stored;  // what the files hold ...
  Weights weights;       // ... and what it is to the model, adapters added
  std::vector<Adapter> adapters;

  // Whether all bytes decided which of head and table a tied model uses, or samples (tied_head.h).
  HeadState head = HeadState::kSettled;

  // What was passed over, completed or taken otherwise than written, a sentence each, for people to
  // read and for the manifest. Naming the file or the tensor.
  std::vector<std::string> notes;

  // A folder, or a GGUF file (gguf_checkpoint.h). Errors name the file, and the key or tensor in
  // it.
  static Result<Checkpoint> open(const std::filesystem::path& path,
                                 const OpenOptions& options = {});

  // Before graphs are built that are kept: compares whole what open() compared by samples, which
  // may untie `config`. Costs nothing where open() settled it. Errors: of reading; kCancelled.
  Status settle_head(const Work& work);

  // Those of `files` that were read or will be: for copying and for fingerprints.
  std::vector<std::string> side_files() const;
  // StoredTensors::sample_hash and all bytes of the side files and of the adapters, with their
  // weights, 32 hex digits. Costs milliseconds.
  Result<std::string> source_hash() const;
  // The same with StoredTensors::content_hash: of every byte. Same hash, same package. Errors: of
  // reading; kCancelled; an adapter that changed since open().
  Result<std::string> content_hash(const Work& work) const;

 private:
  static Result<Checkpoint> open_gguf(const std::filesystem::path& path,
                                      const OpenOptions& options);
  Status use_template(const std::filesystem::path& file);
  Status fit_weights(const OpenOptions& options);
};

}  // namespace lapidary::checkpoint
