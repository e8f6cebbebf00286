// The config.json that says what a GGUF file's metadata says, for the architectures `gemma3` and
// `gemma4` (text: towers are in files of their own, mmproj).
//
// Keys are llama.cpp's, as convert_hf_to_gguf.py writes them and transformers 5.24 reads them
// (integrations/ggml.py). What a file leaves out has the defaults of config.json's readers.
#pragma once

#include <optional>

#include "base/json.h"
#include "base/result.h"
#include "gguf/metadata.h"

namespace lapidary::checkpoint {

// What the tensors of the file say, and its metadata do not.
struct GgufFacts {
  int64_t vocabulary = 0;            // rows of token_embd.weight
  bool has_head = false;             // output.weight is there
  int64_t per_layer_vocabulary = 0;  // rows of per_layer_token_embd.weight; 0: no such tensor
  // Share of the frequencies in rope_freqs.weight that are kept; nothing: no such tensor.
  std::optional<double> rotated_share;
};

// Of model_type gemma3_text or gemma4_text. Errors (kBadInput, or kUnsupported for another
// architecture, experts, and scalings of positions that are not linear) name the file and the key.
Result<Json> gguf_config(const gguf::Metadata& metadata, const std::string& where,
                         const GgufFacts& facts);

}  // namespace lapidary::checkpoint
