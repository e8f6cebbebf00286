// A LoRA adapter as PEFT saves it: adapter_config.json and adapter_model.safetensors in a folder.
// Opened and checked in itself; what it does to a model, adapter_merge.h says.
//
// Names of tensors may begin as tensor_names.h says, "base_model.model." among them, and end in
// - MODULE.lora_A.weight, MODULE.lora_A.ADAPTER.weight: [r, in_features]; lora_B: [out_features, r]
// - MODULE.lora_embedding_A, MODULE.lora_embedding_A.ADAPTER: [r, rows]; lora_embedding_B: [width,
//   r]
// - MODULE.weight, MODULE.base_layer.weight, MODULE.modules_to_save[.default].weight: replaced
//   whole
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "checkpoint/adapter_config.h"
#include "checkpoint/safetensors.h"

namespace lapidary::checkpoint {

struct AdapterSource {
  std::filesystem::path dir;
  double weight = 1;  // what the whole update is multiplied by
};

// weight * scale * (B @ A) for a linear layer; transposed for a table of embeddings.
struct AdapterUpdate {
  std::string module;  // the model's name: "model.language_model.layers.3.self_attn.q_proj"
  const TensorEntry* a = nullptr;
  const TensorEntry* b = nullptr;
  bool is_of_table = false;
  float scale = 1;  // with the adapter's weight; finite
};

// A tensor in place of the model's.
struct AdapterReplacement {
  std::string name;  // the model's name, "lm_head.weight"
  const TensorEntry* value = nullptr;
  // In modules_to_save: the adapter's own copy. Otherwise the base model's own tensor, which a tied
  // one follows.
  bool is_own_copy = false;
};

struct Adapter {
  AdapterSource source;
  AdapterConfig config;
  std::shared_ptr<const SafetensorsFile> file;  // whose entries the pointers below are
  std::vector<AdapterUpdate> updates;           // by module
  std::vector<AdapterReplacement> replacements;
  std::string content_hash;  // of all bytes of both files, 32 hex digits

  // Reads both files whole, once, for the hash; a few MB at a time are held. Errors name the file
  // and the key or tensor: a file that is missing, not downloaded, or a pickle (.bin); those of
  // AdapterConfig and SafetensorsFile; no tensor at all; a name that no part of the model has, or
  // that two tensors share; A without B; a shape, rank or dtype that does not fit; a weight that is
  // not finite, or not 1 where modules are replaced.
  static Result<Adapter> open(const AdapterSource& source);

  std::string name() const;  // of the folder
  // Error, besides those of reading: the files are no longer what open() read.
  Status unchanged(const Work& work) const;
};

}  // namespace lapidary::checkpoint
