// The tiny model's text part written as llama.cpp's converter writes Gemma 4, and opened again: it
// must be the model that Hugging Face's folder is. Would catch a key read wrongly, a tensor under
// another's name, a transposed one, and a tokenizer that splits another way.
#include "checkpoint/gguf_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "checkpoint/checkpoint.h"
#include "checkpoint/test_files.h"
#include "checkpoint/test_tensors.h"
#include "checkpoint/tiny_gguf.h"
#include "text/tokenizer.h"

namespace lapidary::checkpoint {
namespace {

using gguf::ValueType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

// Notes go into packages: one that names the user's folder makes two packages of one file differ.
TEST_F(GgufCheckpointTest, NotesNameTheFileAlone) {
  const auto gguf = opened(TinyGguf::whole([](const TestTensors::Stored& stored) {
    // Blocks of zeros; what is no matrix stays as it is.
    if (stored.shape.size() < 2) return TinyGguf::as_stored(stored);
    const auto blocks = static_cast<size_t>(stored.shape[0] * stored.shape[1] / 32);
    return std::pair(gguf::GgmlType::kQ8_0, std::string(blocks * 34, '\0'));
  }));
  ASSERT_TRUE(gguf.ok()) << gguf.error().message();
  EXPECT_THAT(gguf->notes,
              ::testing::Contains("tiny.gguf: packed tensors (51 Q8_0) are taken as the numbers "
                                  "that they hold"));
  EXPECT_THAT(gguf->notes, ::testing::Each(::testing::Not(HasSubstr(dir_.path().string()))));
}

TEST_F(GgufCheckpointTest, NamesWhatIsWrong) {
  TinyGguf other;
  other.file.key("general.architecture", ValueType::kString, gguf::text("llama"));
  EXPECT_THAT(error_of(other), HasSubstr("'general.architecture' is 'llama'"));

  TinyGguf foreign = TinyGguf::whole();
  foreign.tensor("v.blk.0.attn_q.weight", {4}, gguf::GgmlType::kF32, std::string(16, '\0'));
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
