#include "engine/token_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace lapidary::engine {
namespace {

using ::testing::HasSubstr;

package::TextModel model(std::optional<int64_t> embedded) {
  package::TextModel out;
  out.vocab_size = 10;
  out.embedded_ids = embedded;
  return out;
}

Prompt with_block(std::vector<int32_t> ids, int64_t begin, int64_t count) {
  auto tokens = std::make_shared<SoftTokens>();
  tokens->count = count;
  return Prompt(std::move(ids), {{.begin = begin, .medium = Medium::kImage, .tokens = tokens}});
}

TEST(TokenCheck, KnowsBothLimits) {
  EXPECT_TRUE(check_token(9, model(std::nullopt)).ok());
  EXPECT_TRUE(check_token(7, model(8)).ok());
  const Status without = check_token(8, model(8));
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(without.error().message(),
              HasSubstr("token id 8: the model's per-layer table has 8 rows only"));
  for (const int32_t id : {-1, 10}) {
    EXPECT_THAT(check_token(id, model(8)).error().message(),
                HasSubstr("out of range; the model has 10 tokens"));
  }
}

// Catches: a memory fault where the table ends, and an image refused whose placeholder is looked up
// nowhere.
TEST(TokenCheck, PlaceholdersNeedNoRow) {
  EXPECT_FALSE(check_tokens(Prompt({1, 9, 9, 2}), model(8)).ok());
  EXPECT_TRUE(check_tokens(with_block({1, 9, 9, 2}, 1, 2), model(8)).ok());
  EXPECT_EQ(first_without_row(with_block({1, 9, 9, 8}, 1, 2), model(8)), 8);
  EXPECT_EQ(first_without_row(with_block({8, 9, 9, 2}, 1, 2), model(8)), 8);
  EXPECT_EQ(first_without_row(Prompt({1, 9}), model(std::nullopt)), std::nullopt);
  EXPECT_FALSE(check_tokens(with_block({1, 10, 2}, 1, 1), model(8)).ok());
}

}  // namespace
}  // namespace lapidary::engine
