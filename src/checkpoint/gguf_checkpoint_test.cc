// The tiny model's text part written as llama.cpp's converter writes Gemma 4, and opened again: it
// must be the model that Hugging Face's folder is. Would catch a key read wrongly, a tensor under
// another's name, a transposed one, and a tokenizer that splits another way.
#include "checkpoint/gguf_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/test_files.h"
#include "checkpoint/test_tensors.h"
#include "gguf/testing/gguf_bytes.h"
#include "text/tokenizer.h"

namespace lapidary::checkpoint {
namespace {

using gguf::array_of;
using gguf::GgufBytes;
using gguf::raw;
using gguf::ValueType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint32_t kF32 = 0;
constexpr uint32_t kBf16 = 30;

// What a name of GGUF means, asked backwards.
std::string gguf_name(const std::string& wanted) {
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
  GgufBytes file;
  std::string data;

  void tensor(const std::string& name, const tensor::Shape& shape, uint32_t type,
              const std::string& bytes) {
    while (data.size() % 32 != 0) data += '\0';
    const std::vector<uint64_t> dims(shape.rbegin(), shape.rend());
    file.tensor(name, dims, type, data.size());
    data += bytes;
  }
  void number(const std::string& key, uint32_t value) {
    file.key(key, ValueType::kUint32, raw(value));
  }
  void real(const std::string& key, float value) { file.key(key, ValueType::kFloat32, raw(value)); }

  void add_config() {
    file.key("general.architecture", ValueType::kString, gguf::text("gemma4"));
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
      slides += raw(static_cast<uint8_t>((i + 1) % 3 != 0));
      widths += raw(static_cast<uint32_t>(i < 3 ? 256 : 512));
    }
    file.key("gemma4.attention.sliding_window_pattern", ValueType::kArray,
             array_of(ValueType::kBool, 6, slides));
    file.key("gemma4.feed_forward_length", ValueType::kArray,
             array_of(ValueType::kUint32, 6, widths));
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
      types += raw(kinds.contains(id) ? kinds.at(id) : int32_t{1});
    }
    std::string merges;
    for (const Json& merge : json["model"]["merges"]) {
      merges += gguf::text(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    }
    file.key("tokenizer.ggml.model", ValueType::kString, gguf::text("gemma4"));
    file.key("tokenizer.ggml.tokens", ValueType::kArray,
             array_of(ValueType::kString, pieces.size(), tokens));
    file.key("tokenizer.ggml.token_type", ValueType::kArray,
             array_of(ValueType::kInt32, pieces.size(), types));
    file.key("tokenizer.ggml.merges", ValueType::kArray,
             array_of(ValueType::kString, json["model"]["merges"].size(), merges));
    file.key("tokenizer.ggml.add_space_prefix", ValueType::kBool, raw(uint8_t{0}));
    file.key("tokenizer.ggml.add_bos_token", ValueType::kBool, raw(uint8_t{1}));
    number("tokenizer.ggml.bos_token_id", 2);
    number("tokenizer.ggml.eos_token_id", 1);
    number("tokenizer.ggml.padding_token_id", 0);
    number("tokenizer.ggml.unknown_token_id", 3);
    if (!with_template) return;
    file.key("tokenizer.chat_template", ValueType::kString,
             gguf::text(read_file(tiny_checkpoint() / "chat_template.jinja")));
  }

  void add_tensors(const TestTensors& tensors) {
    for (const auto& [name, stored] : tensors.all) {
      if (!name.starts_with("model.language_model.")) continue;
      ASSERT_NE(gguf_name(name), "") << name;
      tensor(gguf_name(name), stored.shape, stored.dtype == "F32" ? kF32 : kBf16, stored.bytes);
    }
    std::string factors;
    for (int i = 0; i < 32; ++i) factors += raw(i < 8 ? 1.0F : 1e30F);
    tensor(kGgufRopeFactors, {32}, kF32, factors);
  }

  static TinyGguf whole() {
    TinyGguf out;
    out.add_config();
    out.add_tokenizer();
    out.add_tensors(TestTensors::tiny());
    return out;
  }
  std::string bytes() const { return file.bytes(data); }
};

class GgufCheckpointTest : public testing::Test {
 protected:
  Result<Checkpoint> opened(const TinyGguf& gguf) {
    dir_.write("tiny.gguf", gguf.bytes());
    return Checkpoint::open(dir_.path() / "tiny.gguf");
  }
  std::string error_of(const TinyGguf& gguf) {
    const auto checkpoint = opened(gguf);
    return checkpoint.ok() ? std::string() : checkpoint.error().message();
  }

  TempDir dir_;
};

TEST_F(GgufCheckpointTest, IsTheModelOfTheFolder) {
  const auto gguf = opened(TinyGguf::whole());
  ASSERT_TRUE(gguf.ok()) << gguf.error().message();
  const Checkpoint folder = Checkpoint::open(tiny_checkpoint()).value();
  const TextConfig& a = gguf->config.text;
  const TextConfig& b = folder.config.text;
  EXPECT_EQ(a.layers, b.layers);
  EXPECT_EQ(a.full_rope, b.full_rope);
  EXPECT_EQ(a.sliding_rope, b.sliding_rope);
  EXPECT_EQ(a.vocab_size, b.vocab_size);
  EXPECT_EQ(a.vocab_size_per_layer_input, b.vocab_size_per_layer_input);
  EXPECT_EQ(a.sliding_window, b.sliding_window);
  EXPECT_EQ(a.final_logit_softcapping, b.final_logit_softcapping);
  EXPECT_EQ(a.max_position_embeddings, b.max_position_embeddings);
  EXPECT_FLOAT_EQ(static_cast<float>(a.rms_norm_eps), static_cast<float>(b.rms_norm_eps));
  EXPECT_TRUE(gguf->config.tie_word_embeddings);
  EXPECT_FALSE(gguf->config.vision || gguf->config.audio);
  EXPECT_THAT(gguf->generation.eos_token_ids, ElementsAre(1, 6));
  size_t compared = 0;
  for (const std::string& name : gguf->weights.names()) {
    EXPECT_EQ(gguf->weights.tensor(name)->to_floats().value(),
              folder.weights.tensor(name)->to_floats().value())
        << name;
    ++compared;
  }
  EXPECT_GT(compared, 90U);
  const auto ours = text::Tokenizer::load(gguf->files).value();
  const auto theirs = text::Tokenizer::load(folder.files).value();
  for (const char* text : {"Tell me a story about a fox named Lily.", "  two\n\n", "<|turn>x"}) {
    EXPECT_EQ(ours.encode(text, true).value(), theirs.encode(text, true).value()) << text;
  }
  EXPECT_TRUE(gguf->files.has("chat_template.jinja"));
}

// GGUF files of base models have no template. Catches one that does not become a side file.
TEST_F(GgufCheckpointTest, TakesATemplateThatIsGiven) {
  TinyGguf bare;
  bare.add_config();
  bare.add_tokenizer(false);
  bare.add_tensors(TestTensors::tiny());
  const auto without = opened(bare);
  ASSERT_TRUE(without.ok()) << without.error().message();
  EXPECT_FALSE(without->files.has("chat_template.jinja"));
  const auto with =
      Checkpoint::open(dir_.path() / "tiny.gguf",
                       {.chat_template = dir_.write("given.jinja", std::string("given"))});
  ASSERT_TRUE(with.ok()) << with.error().message();
  EXPECT_EQ(with->files.read("chat_template.jinja").value(), "given");
  EXPECT_THAT(with->side_files(), testing::Contains("chat_template.jinja"));
  EXPECT_NE(with->source_hash().value(), without->source_hash().value());
  EXPECT_THAT(with->notes,
              testing::Contains("given.jinja: its chat template is used, as --chat-template says"));
}

TEST_F(GgufCheckpointTest, NamesWhatIsWrong) {
  TinyGguf other;
  other.file.key("general.architecture", ValueType::kString, gguf::text("llama"));
  EXPECT_THAT(error_of(other), HasSubstr("'general.architecture' is 'llama'"));

  TinyGguf foreign = TinyGguf::whole();
  foreign.tensor("v.blk.0.attn_q.weight", {4}, kF32, std::string(16, '\0'));
  EXPECT_THAT(error_of(foreign), HasSubstr("'v.blk.0.attn_q.weight' [4] belongs to no text model"));

  TinyGguf lacking;
  lacking.add_config();
  lacking.add_tokenizer();
  TestTensors some = TestTensors::tiny();
  some.all.erase("model.language_model.layers.2.mlp.up_proj.weight");
  lacking.add_tensors(some);
  EXPECT_THAT(error_of(lacking), HasSubstr("layers.2.mlp.up_proj.weight"));

  TinyGguf tower;
  tower.add_config();
  EXPECT_THAT(error_of(tower), HasSubstr("tensor 'token_embd.weight' is missing"));

  TinyGguf half = TinyGguf::whole();
  half.data.resize(half.data.size() / 2);
  EXPECT_THAT(error_of(half), HasSubstr("tiny.gguf"));
}

}  // namespace
}  // namespace lapidary::checkpoint
