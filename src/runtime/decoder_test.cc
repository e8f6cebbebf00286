// The decoder's bookkeeping, on hand-written graphs whose logits tell what they were fed. What real
// graphs make of it is in tests/e2e/decoder_test.cc.
#include "runtime/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "base/testing/recording_sink.h"
#include "ort/test_model.h"

namespace lapidary::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Path = std::filesystem::path;

constexpr auto kInt64 = onnx::TensorProto::INT64;

// inputs_embeds: of each token, the sum of all image features of the run.
Path embedding_model(const Path& dir) {
  ort::TestModel model("embedding");
  model.input("input_ids", {"b", "s"}, kInt64)
      .input("image_features", {"n", "1"})
      .input("audio_features", {"m", "1"})
      .integers("last", {1}, {-1})
      .output("inputs_embeds", {"b", "s", "1"});
  ort::TestModel::attribute(model.node("ReduceSum", {"image_features"}, {"images"}), "keepdims",
                            int64_t{0});
  auto* cast = model.node("Cast", {"input_ids"}, {"ids"});
  ort::TestModel::attribute(cast, "to", int64_t{onnx::TensorProto::FLOAT});
  model.node("Sub", {"ids", "ids"}, {"zeros"});
  model.node("Add", {"zeros", "images"}, {"sums"});
  model.node("Unsqueeze", {"sums", "last"}, {"inputs_embeds"});
  return model.save(dir / "embedding.onnx");
}

// logits [1, 1, 3] of a run: how many tokens, the sum of mm_token_type_ids, of inputs_embeds.
Path decoder_model(const Path& dir) {
  ort::TestModel model("decoder");
  model.input("inputs_embeds", {"b", "s", "1"})
      .input("attention_mask", {"b", "t"}, kInt64)
      .input("logits_to_keep", {"1"}, kInt64)
      .input("mm_token_type_ids", {"b", "s"}, kInt64)
      .integers("shape", {3}, {1, 1, 1})
      .output("logits", {"b", "1", "3"});
  const auto as_float = [&](const std::string& from) {
    ort::TestModel::attribute(model.node("Cast", {from}, {from + "_float"}), "to",
                              int64_t{onnx::TensorProto::FLOAT});
    model.node("Reshape", {from + "_float", "shape"}, {from + "_cell"});
  };
  model.node("Size", {"mm_token_type_ids"}, {"tokens"});
  model.node("ReduceSum", {"mm_token_type_ids"}, {"types"});
  model.node("ReduceSum", {"inputs_embeds"}, {"embeds"});
  for (const char* name : {"tokens", "types", "embeds"}) as_float(name);
  ort::TestModel::attribute(
      model.node("Concat", {"tokens_cell", "types_cell", "embeds_cell"}, {"logits"}), "axis",
      int64_t{2});
  return model.save(dir / "decoder.onnx");
}

class DecoderOverImages : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = Path(testing::TempDir()) / ("lapidary_decoder_" + std::to_string(getpid()));
    package::TextModel text;
    text.vocab_size = 3;
    text.hidden_size = 1;
    text.max_positions = 64;
    text.vision_bidirectional_attention = true;
    auto embedding = ort::Session::open(embedding_model(dir_), {.threads = 1});
    auto decoder = ort::Session::open(decoder_model(dir_), {.threads = 1});
    ASSERT_TRUE(embedding.ok()) << embedding.error().message();
    ASSERT_TRUE(decoder.ok()) << decoder.error().message();
    graphs_ = std::make_shared<engine::TextGraphs>(
        engine::TextGraphs{text, std::move(embedding).value(), std::move(decoder).value()});
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  Decoder decoder(int64_t chunk) const {
    return std::move(Decoder::create(graphs_, {.max_context = 64, .chunk = chunk})).value();
  }

  // Soft tokens whose features are all `value`.
  static engine::SoftBlock block(int64_t begin, int64_t count, float value, engine::Medium medium) {
    auto tokens = std::make_shared<engine::SoftTokens>();
    tokens->count = count;
    tokens->features.assign(static_cast<size_t>(count), value);
    tokens->content_hash = std::to_string(value);
    return {begin, medium, std::move(tokens)};
  }
  static engine::SoftBlock image(int64_t begin, int64_t count, float value) {
    return block(begin, count, value, engine::Medium::kImage);
  }
  static engine::Prompt prompt(size_t length, std::vector<engine::SoftBlock> blocks) {
    return engine::Prompt(std::vector<int32_t>(length, 1), std::move(blocks));
  }

  Path dir_;
  std::shared_ptr<const engine::TextGraphs> graphs_;
};

// What the last run of a prompt was fed: tokens, sum of types, sum of features times tokens.
std::vector<float> fed(const Result<std::span<const float>>& logits) {
  EXPECT_TRUE(logits.ok()) << logits.error().message();
  return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
}

TEST_F(DecoderOverImages, TypesAndRowsAreThoseOfTheChunk) {
  Decoder one = decoder(4);
  // [0, 4) [4, 8) [8, 10): the last chunk holds a row of sound and the second image.
  const engine::Prompt mixed =
      prompt(10, {image(1, 2, 5), block(6, 3, 2, engine::Medium::kAudio), image(9, 1, 3)});
  EXPECT_THAT(fed(one.prefill(mixed)), ElementsAre(2, 3 + 1, 2 * 3));
  const int32_t next = 1;
  EXPECT_THAT(fed(one.step(std::span(&next, 1))), ElementsAre(1, 0, 0)) << "no rows are left over";
}

TEST_F(DecoderOverImages, AnImageIsNeverCut) {
  Decoder one = decoder(8);
  // Of 12 tokens [3, 12) would not fit behind the first three: [0, 3) [3, 11) [11, 12).
  EXPECT_THAT(fed(one.prefill(prompt(12, {image(3, 6, 1)}))), ElementsAre(1, 0, 0));
  Decoder two = decoder(8);
  EXPECT_THAT(fed(two.prefill(prompt(9, {image(3, 6, 1)}))), ElementsAre(6, 6, 36));
}

// Side by side they are one image to the attention.
TEST_F(DecoderOverImages, NeighboursAreKeptTogetherOrRefused) {
  const engine::Prompt side_by_side = prompt(12, {image(2, 4, 1), image(6, 5, 1)});
  Decoder enough = decoder(9);
  EXPECT_THAT(fed(enough.prefill(side_by_side)), ElementsAre(1, 0, 0));
  Decoder small = decoder(8);
  const auto refused = small.prefill(side_by_side);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(refused.error().message(), HasSubstr("--chunk 9"));
  EXPECT_EQ(small.tokens().size(), 0U);
}

// The reply's first token was computed with the whole image in sight: what is kept must end at it.
TEST_F(DecoderOverImages, APrefixGoesBackToTheImagesBegin) {
  Decoder one = decoder(8);
  fed(one.prefill(prompt(12, {image(3, 6, 1)})));
  EXPECT_EQ(one.keep_common_prefix(prompt(8, {image(3, 5, 1)})), 3);
  fed(one.prefill(prompt(12, {image(3, 6, 1)})));
  engine::Prompt other = prompt(12, {image(3, 6, 1)});
  EXPECT_EQ(one.keep_common_prefix(other), 11);
  other.ids[10] = 2;
  EXPECT_EQ(one.keep_common_prefix(other), 10);
  other.ids.resize(9);
  EXPECT_EQ(one.keep_common_prefix(other), 3);
}

TEST_F(DecoderOverImages, APromptMustBeginWithWhatIsHeld) {
  Decoder one = decoder(8);
  const engine::Prompt held = prompt(6, {image(1, 2, 1)});
  fed(one.prefill(held));
  const auto again = one.prefill(held);
  ASSERT_FALSE(again.ok());
  EXPECT_THAT(again.error().message(), HasSubstr("nothing beyond"));
  const auto other = one.prefill(prompt(9, {image(1, 2, 7)}));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().kind, ErrorKind::kInternal);
  EXPECT_THAT(fed(one.prefill(prompt(9, {image(1, 2, 1), image(6, 2, 4)}))),
              ElementsAre(3, 2, 3 * 8));
}

TEST_F(DecoderOverImages, ACancelledPromptAddsNothing) {
  Decoder one = decoder(4);
  CancelToken cancel;
  cancel.cancel();
  const auto stopped = one.prefill(prompt(10, {image(1, 2, 5)}), {.cancel = &cancel});
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(one.tokens().size(), 0U);
}

TEST_F(DecoderOverImages, APromptIsAStageOfTokens) {
  RecordingSink sink;
  Decoder one = decoder(4);
  ASSERT_TRUE(one.prefill(prompt(10, {}), {.progress = &sink}).ok());
  EXPECT_EQ(sink.last().unit, Unit::kTokens);
  EXPECT_EQ(sink.last().total, 10U);
  EXPECT_THAT(sink.steps, ElementsAre(4U, 4U, 2U));
}

}  // namespace
}  // namespace lapidary::runtime
