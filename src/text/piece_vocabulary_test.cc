// Vocabularies of pieces made into tokenizer.json. That merges made from scores are those of the
// published file is tested with Gemma 3's own (tests/gemma3_test.cc).
#include "text/piece_vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/testing/test_files.h"
#include "text/tokenizer.h"

namespace lapidary::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PieceVocabulary small() {
  PieceVocabulary v;
  v.pieces = {"<bos>", "<unk>", "a", "b", "ab", "aba", "\xe2\x96\x81", "  "};
  v.kinds = {PieceKind::kControl, PieceKind::kControl, PieceKind::kNormal, PieceKind::kNormal,
             PieceKind::kNormal,  PieceKind::kNormal,  PieceKind::kNormal, PieceKind::kUserDefined};
  v.scores = {-1000, -1000, -3, -4, -1, -2, -5, -1000};
  v.bos = 0;
  v.unknown = 1;
  return v;
}

Tokenizer made(const PieceVocabulary& v) {
  const auto json = tokenizer_json(v, "test");
  EXPECT_TRUE(json.ok()) << json.error().message();
  auto tokenizer = Tokenizer::parse(*json, "test");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message();
  return *std::move(tokenizer);
}

// Would catch merges in another order than the scores', and a piece that only another way makes.
TEST(PieceVocabulary, MergesFollowScores) {
  const Json json = Json::parse(tokenizer_json(small(), "test").value());
  const Json expected = Json::parse(R"([["▁","▁"],["a","b"],["ab","a"]])");
  EXPECT_EQ(json["model"]["merges"], expected);
  const Tokenizer tokenizer = made(small());
  EXPECT_THAT(*tokenizer.encode("aba", true), ElementsAre(0, 5));
  EXPECT_THAT(*tokenizer.encode("abab", false), ElementsAre(4, 4));
  EXPECT_THAT(*tokenizer.encode("a  b", false), ElementsAre(2, 7, 3));
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{0, 2, 7, 3}, true), "a  b");
}

// The tiny model's own tokenizer.json, taken apart and put together again: would catch a lost
// added token, a wrong id, and another pipeline around the model.
TEST(PieceVocabulary, GivesBackATokenizer) {
  const Json json = load_json(testing::tiny_tokenizer_path()).value();
  std::map<int32_t, std::string> pieces;
  for (const auto& [piece, id] : json["model"]["vocab"].items()) pieces[id.get<int32_t>()] = piece;
  std::map<int32_t, bool> added;
  for (const Json& token : json["added_tokens"]) {
    added[token["id"].get<int32_t>()] = token["special"].get<bool>();
    pieces[token["id"].get<int32_t>()] = token["content"].get<std::string>();
  }
  std::vector<std::string> lines;
  for (const Json& merge : json["model"]["merges"]) {
    lines.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  }
  PieceVocabulary v;
  for (const auto& [id, piece] : pieces) {
    ASSERT_EQ(static_cast<size_t>(id), v.pieces.size());
    v.pieces.emplace_back(piece);
    const auto it = added.find(id);
    v.kinds.push_back(it == added.end() ? PieceKind::kNormal
                      : it->second      ? PieceKind::kControl
                                        : PieceKind::kUserDefined);
  }
  v.merges.assign(lines.begin(), lines.end());
  v.bos = 2;
  v.unknown = 3;
  const Tokenizer again = made(v);
  const Tokenizer& tokenizer = testing::tiny_tokenizer();
  for (const char* text : {"Tell me a story about a fox named Lily.", "  two  spaces\n\n",
                           "<|turn>x", "caf\xc3\xa9 \xf0\x9f\xa6\x8a", ""}) {
    const auto ids = again.encode(text, true).value();
    EXPECT_EQ(ids, tokenizer.encode(text, true).value()) << text;
    EXPECT_EQ(again.decode(ids, true), tokenizer.decode(ids, true)) << text;
  }
}

TEST(PieceVocabulary, NamesWhatIsWrong) {
  const auto message = [](const PieceVocabulary& v) {
    const auto json = tokenizer_json(v, "model.gguf");
    return json.ok() ? std::string() : json.error().message();
  };
  PieceVocabulary v = small();
  v.kinds.pop_back();
  EXPECT_THAT(message(v), HasSubstr("model.gguf: 8 tokens have 7 kinds"));
  v = small();
  v.scores.clear();
  EXPECT_THAT(message(v), HasSubstr("8 tokens have 0 scores, and there are no merges"));
  v = small();
  v.scores[4] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(v), HasSubstr("the score of token 4"));
  v = small();
  v.pieces[3] = "a";
  EXPECT_THAT(message(v), HasSubstr("tokens 2 and 3 are both 'a'"));
  v = small();
  v.pieces[3] = "\xff";
  EXPECT_THAT(message(v), HasSubstr("token 3 is not UTF-8"));
  v = small();
  v.pieces[3] = "";
  EXPECT_THAT(message(v), HasSubstr("token 3 is empty"));
  v = small();
  v.bos = 8;
  EXPECT_THAT(message(v), HasSubstr("token 8 is named, and there are 8"));
  v = small();
  v.merges = {"a b", "b a"};
  EXPECT_THAT(message(v), HasSubstr("merge 1 is no pair of tokens"));
  v.merges = {"ab"};
  EXPECT_THAT(message(v), HasSubstr("merge 0 is no pair of tokens"));
  EXPECT_THAT(message(PieceVocabulary{}), HasSubstr("has no tokens"));
}

}  // namespace
}  // namespace lapidary::text
