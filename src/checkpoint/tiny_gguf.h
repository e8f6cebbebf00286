// For tests: the tiny model's text part as a GGUF file, written as llama.cpp's converter writes
// Gemma 4.
//
//   dir.write("tiny.gguf", TinyGguf::whole().bytes());
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/gguf_names.h"
#include "checkpoint/test_files.h"
#include "checkpoint/test_tensors.h"
#include "gguf/block_formats.h"
#include "gguf/testing/gguf_bytes.h"

namespace lapidary::checkpoint {

// What a name of GGUF means, asked backwards.
inline std::string gguf_name(const std::string& wanted) {
  std::vector<std::string> names = {"token_embd",           "output_norm",
                                    "per_layer_token_embd", "per_layer_model_proj",
                                    "per_layer_proj_norm",  "output"};
  for (int layer = 0; layer < 6; ++layer) {
    for (const char* part :
         {"attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "attn_q_norm", "attn_k_norm",
          "post_attention_norm", "ffn_norm", "post_ffw_norm", "ffn_gate", "ffn_up", "ffn_down",
          "inp_gate", "proj", "post_norm", "layer_output_scale"}) {
      names.push_back("blk." + std::to_string(layer) + "." + part);
    }
  }
  for (const std::string& name : names) {
    if (hugging_face_name(name + ".weight") == wanted) return name + ".weight";
  }
  return "";
}

struct TinyGguf {
  // What a tensor becomes in the file.
  using Packer =
      std::function<std::pair<gguf::GgmlType, std::string>(const TestTensors::Stored& stored)>;
  static std::pair<gguf::GgmlType, std::string> as_stored(const TestTensors::Stored& stored) {
    return {stored.dtype == "F32" ? gguf::GgmlType::kF32 : gguf::GgmlType::kBF16, stored.bytes};
  }

  struct Written {
    std::string name;
    tensor::Shape shape;
    gguf::GgmlType type;
    std::string bytes;
  };

  gguf::GgufBytes file;
  std::string data;
  std::vector<Written> written;

  void tensor(const std::string& name, const tensor::Shape& shape, gguf::GgmlType type,
              const std::string& bytes) {
    while (data.size() % 32 != 0) data += '\0';
    const std::vector<uint64_t> dims(shape.rbegin(), shape.rend());
    file.tensor(name, dims, static_cast<uint32_t>(type), data.size());
    data += bytes;
    written.push_back({name, shape, type, bytes});
  }
  void number(const std::string& key, uint32_t value) {
    file.key(key, gguf::ValueType::kUint32, gguf::raw(value));
  }
  void real(const std::string& key, float value) {
    file.key(key, gguf::ValueType::kFloat32, gguf::raw(value));
  }

  void add_config() {
    file.key("general.architecture", gguf::ValueType::kString, gguf::text("gemma4"));
    number("gemma4.embedding_length", 128);
    number("gemma4.block_count", 6);
    number("gemma4.context_length", 4096);
    number("gemma4.attention.head_count", 4);
    number("gemma4.attention.head_count_kv", 2);
    number("gemma4.attention.key_length", 64);
    number("gemma4.attention.key_length_swa", 32);
    number("gemma4.attention.shared_kv_layers", 3);
    number("gemma4.attention.sliding_window", 32);
    number("gemma4.embedding_length_per_layer_input", 32);
    real("gemma4.attention.layer_norm_rms_epsilon", 1e-6F);
    real("gemma4.rope.freq_base", 1e6F);
    real("gemma4.rope.freq_base_swa", 1e4F);
    real("gemma4.final_logit_softcapping", 30.0F);
    std::string slides;
    std::string widths;
    for (int i = 0; i < 6; ++i) {
      slides += gguf::raw(static_cast<uint8_t>((i + 1) % 3 != 0));
      widths += gguf::raw(static_cast<uint32_t>(i < 3 ? 256 : 512));
    }
    file.key("gemma4.attention.sliding_window_pattern", gguf::ValueType::kArray,
             gguf::array_of(gguf::ValueType::kBool, 6, slides));
    file.key("gemma4.feed_forward_length", gguf::ValueType::kArray,
             gguf::array_of(gguf::ValueType::kUint32, 6, widths));
  }

  void add_tokenizer(bool with_template = true) {
    const Json json = load_json(tiny_checkpoint() / "tokenizer.json").value();
    std::map<int64_t, std::string> pieces;
    for (const auto& [piece, id] : json["model"]["vocab"].items()) {
      pieces[id.get<int64_t>()] = piece;
    }
    std::map<int64_t, int32_t> kinds;
    for (const Json& token : json["added_tokens"]) {
      pieces[token["id"].get<int64_t>()] = token["content"].get<std::string>();
      kinds[token["id"].get<int64_t>()] = token["special"].get<bool>() ? 3 : 4;
    }
    std::string tokens;
    std::string types;
    for (const auto& [id, piece] : pieces) {
      tokens += gguf::text(piece);
      types += gguf::raw(kinds.contains(id) ? kinds.at(id) : int32_t{1});
    }
    std::string merges;
    for (const Json& merge : json["model"]["merges"]) {
      merges += gguf::text(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    }
    file.key("tokenizer.ggml.model", gguf::ValueType::kString, gguf::text("gemma4"));
    file.key("tokenizer.ggml.tokens", gguf::ValueType::kArray,
             gguf::array_of(gguf::ValueType::kString, pieces.size(), tokens));
    file.key("tokenizer.ggml.token_type", gguf::ValueType::kArray,
             gguf::array_of(gguf::ValueType::kInt32, pieces.size(), types));
    file.key("tokenizer.ggml.merges", gguf::ValueType::kArray,
             gguf::array_of(gguf::ValueType::kString, json["model"]["merges"].size(), merges));
    file.key("tokenizer.ggml.add_space_prefix", gguf::ValueType::kBool, gguf::raw(uint8_t{0}));
    file.key("tokenizer.ggml.add_bos_token", gguf::ValueType::kBool, gguf::raw(uint8_t{1}));
    number("tokenizer.ggml.bos_token_id", 2);
    number("tokenizer.ggml.eos_token_id", 1);
    number("tokenizer.ggml.padding_token_id", 0);
    number("tokenizer.ggml.unknown_token_id", 3);
    if (!with_template) return;
    file.key("tokenizer.chat_template", gguf::ValueType::kString,
             gguf::text(read_file(tiny_checkpoint() / "chat_template.jinja")));
  }

  void add_tensors(const TestTensors& tensors, const Packer& packer = as_stored) {
    for (const auto& [name, stored] : tensors.all) {
      if (!name.starts_with("model.language_model.")) continue;
      ASSERT_NE(gguf_name(name), "") << name;
      const auto [type, bytes] = packer(stored);
      tensor(gguf_name(name), stored.shape, type, bytes);
    }
    std::string factors;
    for (int i = 0; i < 32; ++i) factors += gguf::raw(i < 8 ? 1.0F : 1e30F);
    tensor(kGgufRopeFactors, {32}, gguf::GgmlType::kF32, factors);
  }

  static TinyGguf whole(const Packer& packer = as_stored) {
    TinyGguf out;
    out.add_config();
    out.add_tokenizer();
    out.add_tensors(TestTensors::tiny(), packer);
    return out;
  }
  std::string bytes() const { return file.bytes(data); }
};

}  // namespace lapidary::checkpoint
