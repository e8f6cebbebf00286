// The tokenizer against the `tokenizers` package: goldens of
// tests/oracle/make_tokenizer_goldens.py.
#include "text/tokenizer.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "text/testing/test_files.h"

namespace lapidary::text {
namespace {

using Ids = std::vector<int32_t>;
using testing::big_tokenizer;
using testing::tiny_tokenizer;

std::string stream(const Tokenizer& tokenizer, const Ids& ids, bool skip) {
  StreamingDecoder decoder(tokenizer, skip);
  std::string out;
  for (const int32_t id : ids) {
    const std::string piece = decoder.push(id);
    EXPECT_EQ(find_invalid_utf8(piece), std::string::npos) << "a piece breaks a character";
    out += piece;
  }
  return out + decoder.flush();
}

void expect_decodes(const Tokenizer& tokenizer, const Json& entry, const Json& fallback) {
  const auto ids = entry["ids"].get<Ids>();
  for (const bool skip : {false, true}) {
    const char* key = skip ? "skipped" : "decoded";
    const auto expected = (entry.contains(key) ? entry[key] : fallback).get<std::string>();
    EXPECT_EQ(tokenizer.decode(ids, skip), expected) << entry.dump();
    EXPECT_EQ(stream(tokenizer, ids, skip), expected) << entry.dump();
  }
}

void expect_encodes(const Tokenizer& tokenizer, const Json& entry) {
  const auto text = entry["text"].get<std::string>();
  EXPECT_EQ(tokenizer.encode(text, false).value(), entry["ids"].get<Ids>()) << entry.dump();
}

void expect_golden(const Tokenizer& tokenizer, const Json& golden) {
  const int32_t bos = *tokenizer.token_to_id("<bos>");
  for (const char* section : {"corpus", "random"}) {
    ASSERT_GT(golden[section].size(), 100u);
    for (const Json& entry : golden[section]) {
      expect_encodes(tokenizer, entry);
      Ids with_bos = {bos};
      const auto ids = entry["ids"].get<Ids>();
      with_bos.insert(with_bos.end(), ids.begin(), ids.end());
      EXPECT_EQ(tokenizer.encode(entry["text"].get<std::string>(), true).value(), with_bos);
      expect_decodes(tokenizer, entry, entry["text"]);
    }
  }
  ASSERT_GT(golden["ids"].size(), 100u);
  for (const Json& entry : golden["ids"]) expect_decodes(tokenizer, entry, "");
}

// Catches any departure from the reference on the tokenizer that the tiny model ships.
TEST(TokenizerGolden, TinyModel) {
  expect_golden(tiny_tokenizer(), testing::read_golden("tiny.json"));
}

uint32_t crc32(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

// Catches the two builders of the large tokenizer drifting apart: its goldens would mean nothing.
TEST(TokenizerGolden, LargeTokenizerIsTheOneOfTheGoldens) {
  const Json golden = testing::read_golden("big.json");
  ASSERT_EQ(testing::big_tokenizer_text().size(), golden["bytes"].get<size_t>());
  EXPECT_EQ(crc32(testing::big_tokenizer_text()), golden["crc32"].get<uint32_t>());
  EXPECT_EQ(big_tokenizer().vocab_size(), 262144u);
}

// Catches errors that a small vocabulary hides: table sizes, long merge chains, many added tokens.
TEST(TokenizerGolden, LargeTokenizer) {
  expect_golden(big_tokenizer(), testing::read_golden("big.json"));
}

// Catches a misread feature that neither Gemma tokenizer uses (flags of added tokens, other
// pre-tokenizers, decoders and templates).
TEST(TokenizerGolden, Variants) {
  const Json golden = testing::read_golden("variants.json");
  ASSERT_GT(golden["variants"].size(), 20u);
  for (const Json& variant : golden["variants"]) {
    const auto name = variant["name"].get<std::string>();
    SCOPED_TRACE(name);
    const auto tokenizer = Tokenizer::parse(variant["tokenizer"].dump(), name);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
    EXPECT_EQ(tokenizer->vocab_size(), variant["size"].get<size_t>());
    for (size_t id = 0; id < variant["tokens"].size(); ++id) {
      EXPECT_EQ(tokenizer->id_to_token(static_cast<int32_t>(id)), variant["tokens"][id]);
    }
    for (const Json& entry : variant["texts"]) {
      expect_encodes(*tokenizer, entry);
      EXPECT_EQ(tokenizer->encode(entry["text"].get<std::string>(), true).value(),
                entry["full"].get<Ids>());
      expect_decodes(*tokenizer, entry, entry["text"]);
    }
    for (const Json& entry : variant["ids"]) expect_decodes(*tokenizer, entry, "");
  }
}

TEST(Tokenizer, LooksUpTokens) {
  const Tokenizer& t = tiny_tokenizer();
  EXPECT_EQ(t.vocab_size(), 1024u);
  EXPECT_EQ(t.token_to_id("<bos>"), 2);
  EXPECT_EQ(t.id_to_token(2), "<bos>");
  EXPECT_EQ(t.token_to_id("no such token"), std::nullopt);
  EXPECT_EQ(t.id_to_token(-1), std::nullopt);
  EXPECT_EQ(t.id_to_token(1024), std::nullopt);
  EXPECT_TRUE(t.is_special(2));
  EXPECT_FALSE(t.is_special(1023));
  EXPECT_FALSE(t.is_special(1 << 30));
}

// Catches text that is not UTF-8 being tokenized as something else in silence.
TEST(Tokenizer, InvalidUtf8IsAnErrorThatNamesTheByte) {
  for (const std::string bad : {"\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80"}) {
    const auto ids = tiny_tokenizer().encode(fmt::format("abc{}d", bad), true);
    ASSERT_FALSE(ids.ok());
    EXPECT_THAT(ids.error().message(), ::testing::HasSubstr("byte 3 "));
  }
}

// Catches a streaming decoder that parts a character, or ends with other text than decode().
TEST(StreamingDecoder, EqualsWholeDecodeOnRandomIds) {
  std::mt19937 random(7);
  for (const Tokenizer* tokenizer : {&tiny_tokenizer(), &big_tokenizer()}) {
    const int32_t first_byte = *tokenizer->token_to_id("<0x00>");
    const auto size = static_cast<uint32_t>(tokenizer->vocab_size());
    for (int round = 0; round < 3000; ++round) {
      Ids ids;
      for (size_t n = random() % 20; n > 0; --n) {
        ids.push_back(random() % 2 == 0 ? first_byte + static_cast<int32_t>(random() % 256)
                                        : static_cast<int32_t>(random() % (size + 2)));
      }
      for (const bool skip : {false, true}) {
        EXPECT_EQ(stream(*tokenizer, ids, skip), tokenizer->decode(ids, skip));
      }
    }
  }
}

// Catches a decoder that keeps something of the text before.
TEST(StreamingDecoder, StartsAfreshAfterFlush) {
  const Tokenizer& t = tiny_tokenizer();
  StreamingDecoder decoder(t, false);
  const int32_t first_byte = *t.token_to_id("<0x00>");
  EXPECT_EQ(decoder.push(first_byte + 0xc3), "");
  EXPECT_EQ(decoder.flush(), "\xef\xbf\xbd");
  EXPECT_EQ(decoder.push(first_byte + 0xc3), "");
  EXPECT_EQ(decoder.push(first_byte + 0xa9), "");
  EXPECT_EQ(decoder.flush(), "é");
}

// Catches a text that does not survive the round trip; only the bar that stands for a space may
// not.
TEST(Tokenizer, RandomTextSurvivesTheRoundTrip) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t n = random() % 30; n > 0; --n) {
      auto c =
          static_cast<char32_t>(random() % 3 == 0 ? 0x20 + random() % 0x60 : random() % 0x110000);
      if ((c >= 0xd800 && c < 0xe000) || c == 0x2581) c = ' ';
      append_utf8(text, c);
    }
    for (const Tokenizer* tokenizer : {&tiny_tokenizer(), &big_tokenizer()}) {
      EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, false).value(), false), text);
    }
  }
}

}  // namespace
}  // namespace lapidary::text
