// tokenizer.json files that are damaged or ask for what is not supported: always one clear error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "text/testing/test_files.h"

namespace lapidary::text {
namespace {

using ::testing::HasSubstr;

const char* const kSmall = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [{"id": 0, "content": "<s>", "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": true}],
  "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "_"},
  "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated",
                    "invert": false},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
  "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
  "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true,
            "ignore_merges": false,
            "vocab": {"<s>": 0, "a": 1, "b": 2, "ab": 3}, "merges": [["a", "b"]]}
})";

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kSmall;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& json) {
  const auto tokenizer = Tokenizer::parse(json, "tokenizer.json");
  if (tokenizer.ok()) return "no error";
  const std::string message = tokenizer.error().message();
  EXPECT_THAT(message, ::testing::StartsWith("tokenizer.json: "));
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message;
}

// The base of every damage below: it must be sound, or the errors would prove nothing.
TEST(TokenizerDamage, TheUndamagedFileLoads) {
  ASSERT_EQ(error_of(kSmall), "no error");
  const auto tokenizer = Tokenizer::parse(kSmall, "x").value();
  EXPECT_EQ(tokenizer.encode("ab", true).value(), (std::vector<int32_t>{0, 3}));
}

// Catches: a tokenizer refused, or texts cut, for what its last call was told.
TEST(TokenizerDamage, SettingsOfACallAreNamedAndNotApplied) {
  const std::string json =
      replaced(R"("truncation": null, "padding": null)",
               R"("truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst",
         "stride": 0}, "padding": {"strategy": {"Fixed": 9}, "pad_id": 0})");
  const auto tokenizer = Tokenizer::parse(json, "x");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->saved_call_settings(), (std::vector<std::string>{"truncation", "padding"}));
  EXPECT_EQ(tokenizer->encode("abababab", true).value(), (std::vector<int32_t>{0, 3, 3, 3, 3}));
  const Tokenizer plain = Tokenizer::parse(kSmall, "x").value();
  EXPECT_TRUE(plain.saved_call_settings().empty());
  EXPECT_EQ(plain.id_limit(), 4);
}

struct Damage {
  const char* from;
  const char* to;
  const char* message;
};

const Damage kDamages[] = {
    // Not supported: named, never ignored.
    {R"("version": "1.0")", R"("version": "2.0")", "'version' is '2.0'"},
    {R"("truncation": null)", R"("truncation": 5)", "'truncation' must be an object"},
    {R"("padding": null)", R"("padding": "left")", "'padding' must be an object"},
    {R"("type": "Replace")", R"("type": "NFKC")", "'normalizer.type' is 'NFKC'"},
    {R"({"String": " "}, "content")", R"({"Regex": "\\s"}, "content")", "normalizer.pattern.Regex"},
    {R"({"String": " "}, "content")", R"({"String": ""}, "content")", "normalizer.pattern.String"},
    {R"("type": "Split")", R"("type": "ByteLevel")", "'pre_tokenizer.type' is 'ByteLevel'"},
    {R"("Isolated")", R"("Sideways")", "'pre_tokenizer.behavior' is 'Sideways'"},
    {R"("type": "TemplateProcessing")", R"("type": "RobertaProcessing")", "'RobertaProcessing'"},
    {R"({"type": "ByteFallback"})", R"({"type": "WordPiece"})",
     "'decoder.decoders[0].type' is 'WordPiece'"},
    {R"({"type": "ByteFallback"})", R"({"type": "Fuse"}, {"type": "ByteFallback"})", "after Fuse"},
    {R"({"type": "Fuse"})", R"({"type": "Strip", "content": " ", "start": 0, "stop": 1})", "stop"},
    {R"("type": "BPE")", R"("type": "Unigram")", "'model.type' is 'Unigram'"},
    {R"("dropout": null)", R"("dropout": 0.1)", "model.dropout"},
    {R"("continuing_subword_prefix": null)", R"("continuing_subword_prefix": "##")",
     "model.continuing_subword_prefix"},
    {R"("end_of_word_suffix": null)", R"("end_of_word_suffix": "</w>")",
     "model.end_of_word_suffix"},
    {R"("version": "1.0")", R"("version": "1.0", "extra": 1)", "'extra' is not a known key"},
    {R"("fuse_unk": true)", R"("fuse_unk": true, "extra": 1)", "'model.extra' is not a known key"},
    {R"("special": true)", R"("special": true, "extra": 1)", "added_tokens[0].extra"},
    // Wrong types.
    {R"("fuse_unk": true)", R"("fuse_unk": "yes")", "'model.fuse_unk' must be true or false"},
    {R"("special": true)", R"("special": 1)", "'added_tokens[0].special'"},
    {R"("special": true)", R"("other": true)", "'added_tokens[0].special' is missing"},
    {R"("added_tokens": [{)", R"("added_tokens": [7, {)", "'added_tokens[0]' must be an object"},
    {R"("unk_token": null)", R"("unk_token": 3)", "'model.unk_token' must be a string"},
    {R"({"<s>": 0, "a": 1, "b": 2, "ab": 3})", R"(["<s>", "a"])",
     "'model.vocab' must be an object"},
    {R"("a": 1)", R"("a": "1")", "the id of token 'a' must be an integer"},
    {R"("a": 1)", R"("a": 1.5)", "expected an integer"},
    {R"([["a", "b"]])", R"({"a": "b"})", "'model.merges' must be an array"},
    {R"([["a", "b"]])", R"([["a", "b", "c"]])", "model.merges[0] must be a pair"},
    {R"([["a", "b"]])", R"([["a"]])", "model.merges[0] must be a pair"},
    {R"([["a", "b"]])", R"([["a", 1]])", "model.merges[0] must be a pair"},
    {R"([["a", "b"]])", R"([["a", "b"], "a b"])", "model.merges[1]"},
    {R"([["a", "b"]])", R"(["ab"])", "one space between"},
    {R"([["a", "b"]])", R"(["a b c"])", "one space between"},
    // Contradictions.
    {R"("a": 1)", R"("a": -1)", "token 'a' has id -1"},
    {R"("a": 1)", R"("a": 99999999)", "token 'a' has id 99999999"},
    {R"("a": 1)", R"("a": 99999999999999999999)", "an integer out of range"},
    {R"("a": 1)", R"("a": 2)", "id 2 is given to both 'a' and 'b'"},
    {R"("a": 1)", R"("a": 1, "a": 4)", "token 'a' appears twice"},
    {R"([["a", "b"]])", R"([["a", "z"]])", "needs token 'z'"},
    {R"([["a", "b"]])", R"([["b", "a"]])", "needs token 'ba'"},
    {R"([["a", "b"]])", R"([["", "b"]])", "has an empty part"},
    {R"("unk_token": null)", R"("unk_token": "<u>")", "'model.unk_token' is '<u>'"},
    {R"("id": 0)", R"("id": 5)", "added token '<s>' has id 5, expected 0"},
    {R"("content": "<s>")", R"("content": "<new>")", "'<new>' has id 0, expected 4"},
    {R"("content": "<s>")", R"("content": "")", "empty content"},
    {R"("ids": [0])", R"("ids": [77])", "names id 77"},
    {R"({"SpecialToken": {"id": "<s>")", R"({"SpecialToken": {"id": "<t>")", "'<t>', not among"},
    {R"({"id": "A")", R"({"id": "B")", "must be 'A'"},
    {R"("vocab": {"<s>": 0, "a": 1, "b": 2, "ab": 3}, )", "", "'model.vocab' is missing"},
    {R"(, "merges": [["a", "b"]])", "", "'model.merges' is missing"},
    {R"("merges": [)", R"("merges": [], "merges": [)", "'model.merges' appears twice"},
    {R"("merges": [)", R"("vocab": {}, "merges": [)", "'model.vocab' appears twice"},
    {R"("model": {)", R"("model": null, "other": {)", "'model' is missing"},
    {R"("model": {)", R"("model": [], "other": {)", "'model' must be an object"},
    // Not JSON.
    {R"("a": 1)", R"("a" 1)", "not valid JSON"},
    {R"("a": 1)", R"("a": 1,, )", "not valid JSON"},
    {R"("a": 1)", R"("\ud800": 1)", "not valid JSON"},
    {R"("a": 1)", "\"\xff\": 1", "not valid UTF-8"},
    {R"("a": 1)", "\"\x01\": 1", "control character"},
    {R"([["a", "b"]])", R"([["a", "b"],])", "not valid JSON"},
    {R"("version": "1.0")", R"("version": tru)", "not valid JSON"},
    {R"("version")", R"("ver\qsion")", "not valid JSON"},
};

TEST(TokenizerDamage, EachDamageIsNamed) {
  for (const Damage& damage : kDamages) {
    EXPECT_THAT(error_of(replaced(damage.from, damage.to)), HasSubstr(damage.message)) << damage.to;
  }
}

// Catches a crash, a hang or a half-loaded tokenizer when a file was cut short anywhere.
TEST(TokenizerDamage, EveryTruncationIsAnError) {
  const std::string small = kSmall;
  for (size_t n = 0; n < small.size(); ++n)
    EXPECT_NE(error_of(small.substr(0, n)), "no error") << n;
  EXPECT_NE(error_of(small + "x"), "no error");
  const std::string tiny = testing::read_file(testing::tiny_tokenizer_path());
  for (size_t n = 0; n + 2 < tiny.size(); n += 397) {
    EXPECT_NE(error_of(tiny.substr(0, n)), "no error") << n;
  }
}

// Catches a crash on any single wrong byte; what still loads must still work.
TEST(TokenizerDamage, ChangedBytesNeverCrash) {
  const std::string small = kSmall;
  int errors = 0;
  for (size_t i = 0; i < small.size(); ++i) {
    for (const char byte : {'\0', '"', '{', ']', '9', '-', '\\', '\xff'}) {
      std::string text = small;
      text[i] = byte;
      const auto tokenizer = Tokenizer::parse(text, "tokenizer.json");
      errors += tokenizer.ok() ? 0 : 1;
      if (!tokenizer.ok()) continue;
      const auto ids = tokenizer->encode("ab a<s>b é", true);
      ASSERT_TRUE(ids.ok());
      (void)tokenizer->decode(*ids, true);
    }
  }
  EXPECT_GT(errors, 1000);
}

TEST(TokenizerDamage, DeepNestingIsAnError) {
  EXPECT_NE(
      error_of(replaced(R"("truncation": null)", "\"truncation\": " + std::string(100000, '['))),
      "no error");
}

TEST(TokenizerDamage, MissingAndEmptyFilesAreErrors) {
  const auto missing = Tokenizer::load("/nonexistent/tokenizer.json");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr("/nonexistent/tokenizer.json"));
  EXPECT_THAT(error_of(""), HasSubstr("is empty"));
  EXPECT_THAT(error_of("[]"), HasSubstr("expected an object"));
}

}  // namespace
}  // namespace lapidary::text
