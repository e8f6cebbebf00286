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
//
// A decoder for an NPU has fixed lengths and takes several graphs (FixedModel below). Instead of
// decoder/model.onnx there are, with N the part,
//
//     decoder/prefill.N.onnx decode.N.onnx (+ .data)   quantized, in plain ONNX: for the CPU
//     decoder/htp/prefill.N.onnx decode.N.onnx         for a device: one binary, part.N.bin, holds
//                                                      both graphs of a part, their weights shared
//     decoder/emulated/prefill.N.onnx decode.N.onnx    the same graphs, a binary each: the emulator
//                                                      cannot load a shared one
//     decoder/claims.json calibration.json             what became of each node; ranges
//
// An encoder of fixed length is one graph all the same: vision_encoder/model.onnx for the CPU, and
// vision_encoder/htp/model.onnx with model.bin, which a device and the emulator both load.
//
// A package exported for one device (build/export_package.h) holds one of the three forms only.
// Its components still name their plain files, but `files` lists what is there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "contract/role.h"

namespace lapidary::package {

inline constexpr const char* kManifestFile = "lapidary.json";
inline constexpr int kFormatVersion = 4;
// Still read: 2 knows no roles, only models; 3 no encoders of fixed length and nothing measured.
inline constexpr int kOldestFormatVersion = 2;

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
  // Rows of the smallest table that ids are looked up in, when that is not vocab_size: higher ids
  // can be chosen among logits and not be embedded. Placeholders are never looked up.
  std::optional<int64_t> embedded_ids = std::nullopt;
  int64_t embedded_limit() const { return embedded_ids.value_or(vocab_size); }
};

// How to drive an encoder of fixed length (gemma4/fixed_vision_encoder.h, fixed_audio_encoder.h).
struct FixedEncoder {
  int64_t soft_tokens = 0;  // rows of its output; those beyond its input's mean nothing
  double masked = 0;        // what its attention masks add where a key must not be seen
};

// What a runtime must know to put images into a prompt. Ids are -1 where the model has none.
struct VisionModel {
  int64_t image_token_id = -1;  // placeholder of a soft token of an image ...
  int64_t video_token_id = -1;  // ... and of a video frame
  int64_t boi_token_id = -1;    // marks around the soft tokens
  int64_t eoi_token_id = -1;
  int64_t pooling_kernel_size = 3;  // a soft token stands for its square of patches
  std::optional<FixedEncoder> fixed_encoder = std::nullopt;  // present when its lengths are fixed
};

// The same for sound.
struct AudioModel {
  int64_t audio_token_id = -1;
  int64_t boa_token_id = -1;
  int64_t eoa_token_id = -1;
  // Attention in chunks (nn/chunked_attention.h): the queries of a chunk share it, `past` frames
  // before it and `future` behind it. The chunk is 0 in packages older than format 4.
  int64_t attention_chunk_size = 0, attention_past = 0, attention_future = 0;
  std::optional<FixedEncoder> fixed_encoder = std::nullopt;  // present when its lengths are fixed
};

// What the integers of a port stand for: (code - zero_point) * scale.
struct PortEncoding {
  double scale = 1;
  int64_t zero_point = 0;
  bool operator==(const PortEncoding&) const = default;
};

struct Port {
  std::string name;
  std::string dtype;               // "float32", "int64", "uint16"
  std::vector<std::string> shape;  // numbers and symbols: {"batch", "sequence_len", "128"}
  bool optional = false;           // has a default; need not be fed
  std::optional<PortEncoding> encoding = std::nullopt;
};

// How one weight is stored.
struct TensorRecord {
  std::string name;   // initializer name, after the checkpoint's tensor
  std::string dtype;  // stored dtype
  std::vector<int64_t> shape;
  int64_t bytes = 0;
  std::string quantization;  // "" or e.g. "k-quant int4, block 32, asymmetric"
};

// One graph of a component; all but a static decoder have one.
struct GraphRecord {
  std::string name;  // "embedding", "decoder", "vision_encoder", "audio_encoder"
  contract::Role role = contract::Role::kModel;  // prefill and decode: of fixed lengths
  int64_t part = 0;  // a run passes through the parts of its role in this order
  std::string file;  // "decoder/model.onnx", "decoder/prefill.0.onnx"; not always there
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::map<std::string, int64_t> ops;  // qualified op type -> count
  std::vector<TensorRecord> tensors;
};

// Rotary position embedding of one kind of layer: pair i of a head is rotated by
// position * inv_freq[i]. Tables are fed as rotary_emb.KIND.cos and .sin.
struct RotaryKind {
  std::string kind;             // "sliding_attention", "full_attention"
  std::vector<float> inv_freq;  // head_dim / 2 numbers
};

// How to drive a decoder of fixed lengths (passes/fixed_shapes/static_llm.h).
struct FixedModel {
  int64_t context_length = 0;  // positions of a full layer: past and new, in the graph of one token
  int64_t prefill_length = 0;  // tokens of a prompt's chunk; these graphs yield no logits
  double masked = 0;           // what the attention masks add where a key must not be seen
  // The soft-cap of logits when the host applies it; 0: it is in the graph, or there is none.
  double host_logit_softcap = 0;
  std::vector<RotaryKind> rotary;
};

// A graph as a context binary.
struct ContextModel {
  std::string component;  // of which GraphRecord, by name, role and part
  contract::Role role = contract::Role::kModel;
  int64_t part = 0;
  std::string file;    // ONNX with an EPContext node: "decoder/htp/decode.0.onnx"
  std::string binary;  // "decoder/htp/part.0.bin"
};

// For which chip the package is, and what was compiled for it.
struct HtpModel {
  std::string arch;  // "v81"
  std::string soc;   // "SM8850"
  int64_t soc_model = 0;
  std::string onnxruntime_qnn, qnn;    // versions of the stack that compiled
  std::vector<ContextModel> device;    // for --device htp
  std::vector<ContextModel> emulated;  // for --device htp-emulated; empty when they were left out
};

// What the activations of a component were calibrated with.
struct Calibration {
  std::string component;
  std::string digest;             // of data and options: equal digests, equal ranges
  int64_t samples = 0;            // runs of the graph
  int64_t images = 0, clips = 0;  // among what the samples were made of
};

// How far a component's saved graphs are from the float32 graph, on samples of the calibration
// data, on ONNX Runtime's CPU.
struct Agreement {
  std::string component, output;  // "decoder", "logits"
  int64_t samples = 0;
  double min_cosine = 0, mean_cosine = 0;  // over rows of the last dim
  double max_difference = 0;               // largest absolute one
};

// What `lapidary eval --record` measured on the whole package.
struct QualityFigure {
  std::string measure;  // "perplexity", "caption_exact_match", "word_error_rate"
  std::string data;     // "eval.txt (xxh3 3b2c...)", "eval.json, first 4 of a kind (xxh3 ...)"
  std::string device;   // "cpu", "htp-emulated v81 (SM8850)"
  int64_t count = 0;    // tokens, pictures, clips
  double value = 0;
};

// A LoRA adapter that the weights were built with (checkpoint/adapter.h).
struct AdapterRecord {
  std::string name;   // of its folder
  double weight = 1;  // what its update was multiplied by
  std::string xxh3;   // Adapter::content_hash
};

struct FileRecord {
  std::string path;  // relative to the package
  uint64_t size = 0;
  std::string xxh3;  // hex of file_hash() in base/hash.h
};

struct Manifest {
  int format_version = kFormatVersion;
  std::string lapidary_version;
  std::string recipe_name;
  Json recipe;         // as read
  std::string source;  // name of the checkpoint's folder; older packages: its path as given
  // "checkpoint" -> Checkpoint::content_hash; older packages: Checkpoint::source_hash.
  std::map<std::string, std::string> sources;
  std::vector<AdapterRecord> adapters;  // in the order in which they were added
  std::vector<std::string> notes;  // Checkpoint::notes and those of its texts (build/text_check.h)
  TextModel text;
  std::optional<VisionModel> vision;      // present with the component vision_encoder
  std::optional<AudioModel> audio;        // present with the component audio_encoder
  std::optional<FixedModel> fixed_model;  // present when the decoder has fixed lengths
  std::optional<HtpModel> htp;            // present when context binaries were compiled
  std::vector<Calibration> calibration;   // of components with calibrated activations
  std::vector<Agreement> agreement;       // measured by the build
  std::vector<QualityFigure> quality;     // measured afterwards
  std::vector<GraphRecord> components;
  std::vector<FileRecord> files;

  // The only graph of a component; nullptr when there is none, or there are several.
  const GraphRecord* component(const std::string& name) const;
  // Whether `files` has it.
  bool lists(const std::string& path) const;
  // All graphs of a component in one role, by part.
  std::vector<const GraphRecord*> parts(const std::string& name, contract::Role role) const;
};

Json to_json(const Manifest& manifest);
// Errors name the file and the key. An unknown format_version is refused with a remedy, and so is
// what does not fit together (manifest_checks.h).
Result<Manifest> read_manifest(const std::filesystem::path& package);

}  // namespace lapidary::package
