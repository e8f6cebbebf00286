#include "checkpoint/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/test_files.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Config model() {
  return *Config::parse(R"({"model_type":"gemma4","eos_token_id":[1,106]})", "config.json");
}

Result<GenerationConfig> parse(const std::string& text) {
  return GenerationConfig::parse(text, "generation_config.json", model());
}

// Catches: defaults other than those transformers generates with.
TEST(GenerationConfigTest, DefaultsAreTransformers) {
  const auto g = parse("{}");
  ASSERT_TRUE(g.ok()) << g.error().message();
  EXPECT_FALSE(g->do_sample);
  EXPECT_EQ(g->temperature, 1.0);
  EXPECT_EQ(g->top_k, 50);
  EXPECT_EQ(g->top_p, 1.0);
  EXPECT_EQ(g->min_p, std::nullopt);
  EXPECT_EQ(g->repetition_penalty, 1.0);
  EXPECT_EQ(g->max_new_tokens, std::nullopt);
  EXPECT_THAT(g->eos_token_ids, ElementsAre(1, 106));  // config.json's
  EXPECT_EQ(g->bos_token_id, 2);
  EXPECT_EQ(g->pad_token_id, 0);
  EXPECT_THAT(g->ignored_keys, IsEmpty());
}

TEST(GenerationConfigTest, ReadsEveryFollowedKey) {
  const auto g = parse(R"({"bos_token_id": 5, "pad_token_id": 6, "eos_token_id": 7,
      "do_sample": true, "temperature": 0.5, "top_k": 64, "top_p": 0.95, "min_p": 0.05,
      "repetition_penalty": 1.1, "max_new_tokens": 100, "max_length": 200, "min_new_tokens": 3,
      "stop_strings": ["a", "b"], "transformers_version": "5.23.0", "use_cache": true})");
  ASSERT_TRUE(g.ok()) << g.error().message();
  EXPECT_EQ(g->bos_token_id, 5);
  EXPECT_EQ(g->pad_token_id, 6);
  EXPECT_THAT(g->eos_token_ids, ElementsAre(7));
  EXPECT_TRUE(g->do_sample);
  EXPECT_EQ(g->temperature, 0.5);
  EXPECT_EQ(g->top_k, 64);
  EXPECT_EQ(g->top_p, 0.95);
  EXPECT_EQ(g->min_p, 0.05);
  EXPECT_EQ(g->repetition_penalty, 1.1);
  EXPECT_EQ(g->max_new_tokens, 100);
  EXPECT_EQ(g->max_length, 200);
  EXPECT_EQ(g->min_new_tokens, 3);
  EXPECT_THAT(g->stop_strings, ElementsAre("a", "b"));
  EXPECT_THAT(g->ignored_keys, IsEmpty());
  EXPECT_THAT(parse(R"({"stop_strings": "x"})")->stop_strings, ElementsAre("x"));
}

// Catches: a setting that changes the text in transformers, dropped without a trace.
TEST(GenerationConfigTest, NamesWhatItDoesNotFollow) {
  const auto g = parse(R"({"num_beams": 4, "no_repeat_ngram_size": 3, "typical_p": 1.0,
      "num_beam_groups": 1, "suppress_tokens": [3], "bad_words_ids": null, "min_length": 2,
      "early_stopping": false, "something_new": 1})");
  ASSERT_TRUE(g.ok()) << g.error().message();
  EXPECT_THAT(g->ignored_keys, ElementsAre("num_beams", "no_repeat_ngram_size", "suppress_tokens",
                                           "something_new", "min_length"));
}

TEST(GenerationConfigTest, RefusesDamage) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"temperature": 0})", "'temperature' must be greater"},
      {R"({"temperature": "hot"})", "'temperature' must be a number"},
      {R"({"top_k": -1})", "'top_k' is -1"},
      {R"({"top_k": 1.5})", "'top_k' must be an integer"},
      {R"({"top_p": 1.5})", "'top_p' is 1.5"},
      {R"({"top_p": 0})", "'top_p' must be greater"},
      {R"({"min_p": 2})", "'min_p' is 2"},
      {R"({"repetition_penalty": 0})", "'repetition_penalty'"},
      {R"({"do_sample": 1})", "'do_sample' must be true or false"},
      {R"({"eos_token_id": "x"})", "'eos_token_id' must be an integer"},
      {R"({"eos_token_id": [1, -1]})", "'eos_token_id' holds -1"},
      {R"({"eos_token_id": 300000})", "'eos_token_id' is 300000, outside the vocabulary"},
      {R"({"bos_token_id": [2]})", "'bos_token_id' must be an integer"},
      {R"({"max_new_tokens": 0})", "'max_new_tokens' is 0"},
      {R"({"stop_strings": [1]})", "'stop_strings' holds 1"},
      {"", "not valid JSON"},
      {"[]", "must be an object"},
      {R"({"top_k": 1, "top_k": 2})", "'top_k' appears twice"},
  };
  for (const auto& [text, message] : cases) {
    const auto g = parse(text);
    ASSERT_FALSE(g.ok()) << text;
    EXPECT_EQ(g.error().kind, ErrorKind::kBadInput) << text;
    EXPECT_THAT(g.error().message(), HasSubstr("generation_config.json")) << text;
    EXPECT_THAT(g.error().message(), HasSubstr(message)) << text;
  }
}

}  // namespace
}  // namespace lapidary::checkpoint
