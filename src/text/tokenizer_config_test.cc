#include "text/tokenizer_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/testing/test_files.h"

namespace lapidary::text {
namespace {

// Catches a key of the tiny model's own file that is misread.
TEST(TokenizerConfig, ReadsTheTinyModels) {
  const auto config =
      TokenizerConfig::load(source_dir() / "models/tiny-gemma4/checkpoint/tokenizer_config.json");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->bos_token, "<bos>");
  EXPECT_EQ(config->eos_token, "<eos>");
  EXPECT_EQ(config->pad_token, "<pad>");
  EXPECT_EQ(config->unk_token, "<unk>");
  EXPECT_EQ(config->named_tokens.at("image_token"), "<|image|>");
  EXPECT_EQ(config->named_tokens.at("sot_token"), "<|turn>");
  EXPECT_EQ(config->model_max_length, 4096);
  EXPECT_EQ(config->tokenizer_class, "GemmaTokenizer");
  EXPECT_EQ(config->chat_template, std::nullopt);
}

// Catches the older forms: tokens as objects, switches that end in _token, an absurd length.
TEST(TokenizerConfig, ReadsOlderForms) {
  const auto config = TokenizerConfig::parse(
      R"({"bos_token": {"content": "<s>", "lstrip": false}, "add_bos_token": true, "pad_token": null,
          "model_max_length": 1000000000000000019884624838656, "chat_template": "{{ x }}",
          "model_specific_special_tokens": {"boi_token": "<i>"}})",
      "test");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->bos_token, "<s>");
  EXPECT_EQ(config->pad_token, std::nullopt);
  EXPECT_EQ(config->model_max_length, std::nullopt);
  EXPECT_EQ(config->chat_template, "{{ x }}");
  EXPECT_EQ(config->named_tokens.at("boi_token"), "<i>");
  EXPECT_FALSE(config->named_tokens.contains("add_bos_token"));
}

TEST(TokenizerConfig, WrongTypesAreNamed) {
  for (const auto& [json, key] : {std::pair{R"({"eos_token": 3})", "eos_token"},
                                  {R"({"eos_token": {"text": "x"}})", "eos_token.content"},
                                  {R"({"model_max_length": "long"})", "model_max_length"},
                                  {R"([])", "must be an object"},
                                  {R"({"a": )", "not valid JSON"}}) {
    const auto config = TokenizerConfig::parse(json, "tokenizer_config.json");
    ASSERT_FALSE(config.ok()) << json;
    EXPECT_THAT(config.error().message(), ::testing::HasSubstr(key));
  }
}

}  // namespace
}  // namespace lapidary::text
