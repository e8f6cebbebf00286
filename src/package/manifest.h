// lapidary.json: the one file of a package that is ours. Everything else in the directory follows
// ONNX Runtime GenAI's layout.
//
//   PACKAGE/
//     lapidary.json                                       this manifest
//     genai_config.json                                   for ONNX Runtime GenAI
//     tokenizer.json tokenizer_config.json chat_template.jinja generation_config.json
//     processor_config.json (or its older forms)          what the front ends do
//     embedding/model.onnx (+ model.onnx.data)       input_ids -> inputs_embeds, per_layer_inputs
//     decoder/model.onnx (+ model.onnx.data)         inputs_embeds, ... -> logits, present.*
//     vision_encoder/model.onnx (+ model.onnx.data)  pixel_values, ... -> image_features
//     audio_encoder/model.onnx (+ model.onnx.data)   input_features, ... -> audio_features
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace lapidary::package {

inline constexpr const char* kManifestFile = "lapidary.json";
inline constexpr int kFormatVersion = 2;

// One layer that owns a key/value cache.
struct CacheSpec {
  int64_t layer = 0;     // past_key_values.<layer>.key / .value, present.<layer>.key / .value
  int64_t kv_heads = 0;  // cache tensors are [batch, kv_heads, length, head_dim], float32
  int64_t head_dim = 0;
  bool sliding = false;  // attends to the last `sliding_window` positions only
};

// What a runtime must know of the text model to drive its graphs.
struct TextModel {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t per_layer_width = 0;  // last dim of per_layer_inputs; 0: the model has none
  int64_t sliding_window = 0;   // positions a sliding layer sees, its own included
  int64_t max_positions = 0;
  std::vector<CacheSpec> caches;
  int64_t pad_token_id = 0;
  // Soft tokens of an image attend to each other both ways in the sliding layers; the decoder takes
  // mm_token_type_ids then.
  bool vision_bidirectional_attention = false;
};

// What a runtime must know to put images into a prompt. Ids are -1 where the model has none.
struct VisionModel {
  int64_t image_token_id = -1;  // placeholder of a soft token of an image ...
  int64_t video_token_id = -1;  // ... and of a video frame
  int64_t boi_token_id = -1;    // marks around the soft tokens
  int64_t eoi_token_id = -1;
};

// The same for sound.
struct AudioModel {
  int64_t audio_token_id = -1;
  int64_t boa_token_id = -1;
  int64_t eoa_token_id = -1;
};

struct Port {
  std::string name;
  std::string dtype;               // "float32", "int64"
  std::vector<std::string> shape;  // numbers and symbols: {"batch", "sequence_len", "128"}
  bool optional = false;           // has a default; need not be fed
};

// How one weight is stored.
struct TensorRecord {
  std::string name;   // initializer name, after the checkpoint's tensor
  std::string dtype;  // stored dtype
  std::vector<int64_t> shape;
  int64_t bytes = 0;
  std::string quantization;  // "" or e.g. "k-quant int4, block 32, asymmetric"
};

struct Component {
  std::string name;  // "embedding", "decoder", "vision_encoder", "audio_encoder"
  std::string file;  // "decoder/model.onnx"
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::map<std::string, int64_t> ops;  // qualified op type -> count
  std::vector<TensorRecord> tensors;
};

struct FileRecord {
  std::string path;  // relative to the package
  uint64_t size = 0;
  std::string xxh3;  // hex of file_hash() in package/file_hash.h
};

struct Manifest {
  int format_version = kFormatVersion;
  std::string lapidary_version;
  std::string recipe_name;
  Json recipe;                                 // as read
  std::string source;                          // path of the checkpoint as given
  std::map<std::string, std::string> sources;  // checkpoint file -> hash
  TextModel text;
  std::optional<VisionModel> vision;  // present with the component vision_encoder
  std::optional<AudioModel> audio;    // present with the component audio_encoder
  std::vector<Component> components;
  std::vector<FileRecord> files;

  const Component* component(const std::string& name) const;
};

Json to_json(const Manifest& manifest);
// Errors name the file and the key. An unknown format_version is refused with a remedy.
Result<Manifest> read_manifest(const std::filesystem::path& package);

}  // namespace lapidary::package
