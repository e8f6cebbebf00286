// A GGUF file of Gemma 3 or 4 (text) as a checkpoint: its metadata say what config.json, the
// tokenizer's files, generation_config.json and chat_template.jinja would, its tensors are the
// model's under Hugging Face's names.
//
// Packed tensors are float32, exactly what their blocks say (gguf/dequantized.h). Gemma 3's files
// hold RMSNorm's weights plus one, which is taken off again, as transformers 5.24 does
// (modeling_gguf_pytorch_utils.py).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_set.h"
#include "base/result.h"
#include "checkpoint/stored_tensors.h"
#include "checkpoint/weights.h"

namespace lapidary::checkpoint {

struct GgufCheckpoint {
  FileSet files;
  StoredTensors stored;
  Weights weights;
  std::vector<std::string> notes;
};

// Errors name the file and the key or tensor: those of GgufFile::open and gguf_config; a vocabulary
// of another kind than Gemma's; a tensor that no text model has.
Result<GgufCheckpoint> read_gguf_checkpoint(const std::filesystem::path& path);

}  // namespace lapidary::checkpoint
