#include "checkpoint/tied_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/test_tensors.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHeadTensor = "lm_head.weight";
constexpr const char* kTableTensor = "model.language_model.embed_tokens.weight";

Result<Checkpoint> opened(const TestTensors& tensors, const TempDir& dir) {
  tensors.write_checkpoint(dir);
  return Checkpoint::open(dir.path());
}

TEST(TiedHeadTest, AnEqualHeadIsPassedOver) {
  TestTensors tensors = TestTensors::tiny();
  tensors.all[kHeadTensor] = tensors.all[kTableTensor];
  const TempDir dir;
  const auto c = opened(tensors, dir);
  ASSERT_TRUE(c.ok()) << c.error().message();
  EXPECT_TRUE(c->config.tie_word_embeddings);
  EXPECT_EQ(c->head, HeadState::kSettled);
  EXPECT_THAT(c->notes, Contains(HasSubstr("'lm_head.weight' is equal to")));
  EXPECT_THAT(c->stored.names_read(), ElementsAre());
}

// Catches: an answer from the table where the checkpoint has a head of its own. One bit is enough.
TEST(TiedHeadTest, ADifferentHeadIsUsed) {
  const TestTensors tiny = TestTensors::tiny();
  for (const size_t at : {size_t{0}, tiny.all.at(kTableTensor).bytes.size() / 2 + 1,
                          tiny.all.at(kTableTensor).bytes.size() - 1}) {
    TestTensors tensors = tiny;
    tensors.all[kHeadTensor] = tensors.all[kTableTensor];
    std::string& bytes = tensors.all[kHeadTensor].bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    const TempDir dir;
    const auto c = opened(tensors, dir);
    ASSERT_TRUE(c.ok()) << c.error().message();
    EXPECT_FALSE(c->config.tie_word_embeddings) << at;
    EXPECT_THAT(c->notes, Contains(HasSubstr("'lm_head.weight' is not equal to")));
    const auto head = c->weights.tensor(kHeadTensor)->materialize();
    EXPECT_NE(*head, *c->weights.tensor(kTableTensor)->materialize());
  }
}

// Values may be equal, but whether they are is not known without reading all.
TEST(TiedHeadTest, AHeadOfAnotherTypeIsUsed) {
  TestTensors tensors = TestTensors::tiny();
  ASSERT_EQ(tensors.all[kTableTensor].dtype, "BF16");
  tensors.all[kHeadTensor] = tensors.all[kTableTensor];
  tensors.all[kHeadTensor].dtype = "F16";
  const TempDir dir;
  const auto c = opened(tensors, dir);
  ASSERT_TRUE(c.ok()) << c.error().message();
  EXPECT_FALSE(c->config.tie_word_embeddings);
}

TEST(TiedHeadTest, AHeadAloneIsUsedForBoth) {
  TestTensors tensors = TestTensors::tiny();
  auto table = tensors.all.extract(kTableTensor);
  table.key() = "language_model.lm_head.weight";
  tensors.all.insert(std::move(table));
  const TempDir dir;
  const auto c = opened(tensors, dir);
  ASSERT_TRUE(c.ok()) << c.error().message();
  EXPECT_TRUE(c->config.tie_word_embeddings);
  EXPECT_EQ(c->weights.find(kHeadTensor), nullptr);
  EXPECT_EQ(c->weights.find(kTableTensor)->stored_as, "language_model.lm_head.weight");
  EXPECT_THAT(c->notes, Contains(HasSubstr("used for both")));
  const auto plain = Checkpoint::open(tiny_checkpoint());
  EXPECT_EQ(*c->weights.tensor(kTableTensor)->materialize(),
            *plain->weights.tensor(kTableTensor)->materialize());
}

// An untied model needs both: neither is made of the other.
TEST(TiedHeadTest, AnUntiedModelNeedsBoth) {
  for (const char* missing : {kHeadTensor, kTableTensor}) {
    TestTensors tensors = TestTensors::tiny();
    tensors.all[kHeadTensor] = tensors.all[kTableTensor];
    tensors.all.erase(missing);
    TempDir dir;
    tensors.write_checkpoint(dir);
    Json config = *parse_json(read_file(dir.path() / "config.json"), "");
    config["tie_word_embeddings"] = false;
    replace(dir, "config.json", config.dump());
    const auto c = Checkpoint::open(dir.path());
    ASSERT_FALSE(c.ok()) << missing;
    EXPECT_THAT(c.error().message(), HasSubstr(std::string("tensor '") + missing + "' "));
  }
}

TEST(TiedHeadTest, AHeadOfAnotherShapeIsNamed) {
  TestTensors tensors = TestTensors::tiny();
  tensors.all[kHeadTensor] = {"BF16", {2, 3}, std::string(12, '\0')};
  const TempDir dir;
  const auto c = opened(tensors, dir);
  ASSERT_FALSE(c.ok());
  EXPECT_THAT(c.error().message(), HasSubstr("tensor 'lm_head.weight' has shape [2, 3]"));
}

// Two tensors too large to be read whole when opened, equal but for one byte or none.
struct LargeHead {
  TempDir dir;
  Config config;
  StoredTensors stored;
  Weights weights;
  std::vector<std::string> notes;

  explicit LargeHead(std::optional<size_t> changed) {
    constexpr size_t kBytes = 4 << 20;
    TestTensors tensors;
    const TestTensors::Stored table{"BF16", {1 << 14, 1 << 7}, std::string(kBytes, '\1')};
    tensors.all = {{kHeadTensor, table}, {kTableTensor, table}};
    if (changed) tensors.all[kHeadTensor].bytes[*changed] = '\2';
    dir.write("model.safetensors", tensors.file());
    stored = *StoredTensors::open(dir.path());
    weights = Weights(stored);
  }
  HeadState settle() { return *settle_head(stored, config, weights, notes); }
};

// Catches: a difference between the samples that nobody ever looks for.
TEST(TiedHeadTest, LargeHeadsAreComparedWholeByABuild) {
  for (const bool equal : {true, false}) {
    LargeHead head(equal ? std::nullopt : std::optional<size_t>(5000));  // between two samples
    ASSERT_EQ(head.settle(), HeadState::kEqualInSamples);
    EXPECT_TRUE(head.config.tie_word_embeddings);
    EXPECT_THAT(head.notes, ElementsAre(HasSubstr("in 64 samples")));
    const Status status = settle_head_whole(head.stored, head.weights, {}, head.config, head.notes);
    ASSERT_TRUE(status.ok()) << status.error().message();
    EXPECT_EQ(head.config.tie_word_embeddings, equal);
    EXPECT_THAT(head.notes, ElementsAre(HasSubstr(equal ? " is equal to" : " is not equal to")));
    EXPECT_THAT(head.notes, Not(Contains(HasSubstr("samples"))));
  }
}

TEST(TiedHeadTest, SamplesReachBothEnds) {
  for (const size_t changed : {size_t{0}, size_t{(4 << 20) - 1}}) {
    LargeHead head(changed);
    EXPECT_EQ(head.settle(), HeadState::kSettled);
    EXPECT_FALSE(head.config.tie_word_embeddings) << changed;
  }
}

}  // namespace
}  // namespace lapidary::checkpoint
