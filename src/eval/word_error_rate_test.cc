#include "eval/word_error_rate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lapidary::eval {
namespace {

TEST(WordErrors, CountsTheFewestEdits) {
  EXPECT_EQ(word_errors("one two three", "one two three"), (WordErrors{0, 3}));
  EXPECT_EQ(word_errors("one two three", "one too three"), (WordErrors{1, 3}));      // replaced
  EXPECT_EQ(word_errors("one two three", "one three"), (WordErrors{1, 3}));          // left out
  EXPECT_EQ(word_errors("one two three", "one two two three"), (WordErrors{1, 3}));  // inserted
  // Comparing place by place would find four.
  EXPECT_EQ(word_errors("a b c d", "b c d e"), (WordErrors{2, 4}));
  EXPECT_EQ(word_errors("open the red door", "open a door"), (WordErrors{2, 4}));
}

TEST(WordErrors, SpacesDoNotCountCaseAndPunctuationDo) {
  EXPECT_EQ(word_errors(" one\ttwo \n", "one  two"), (WordErrors{0, 2}));
  EXPECT_EQ(word_errors("One two.", "one two"), (WordErrors{2, 2}));
}

// Silence may be transcribed as nothing, and nothing must not divide by zero.
TEST(WordErrors, EmptyTexts) {
  EXPECT_EQ(word_errors("", ""), (WordErrors{0, 0}));
  EXPECT_EQ(word_errors("", "two words"), (WordErrors{2, 0}));
  EXPECT_EQ(word_errors("two words", ""), (WordErrors{2, 2}));
  EXPECT_TRUE(std::isnan(WordErrors{}.rate()));
}

// The rate of a set is over all its words, not the mean of the clips' rates (here 0.75).
TEST(WordErrors, RateIsOverAllWords) {
  WordErrors sum = word_errors("one", "two");
  sum += word_errors("one two three four", "one two");
  EXPECT_EQ(sum, (WordErrors{3, 5}));
  EXPECT_DOUBLE_EQ(sum.rate(), 0.6);
}

}  // namespace
}  // namespace lapidary::eval
