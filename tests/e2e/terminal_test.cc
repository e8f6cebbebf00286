// A model's text on a terminal and in a pipe.
#include <gtest/gtest.h>

#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

// The ids that give `text`: the tokenizer of the tiny model has a token for each byte.
std::string ids_of(const std::string& text) {
  const Outcome outcome =
      lapidary({"tokenize", tiny("checkpoint"), "--no-special"}, {.input = text});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return outcome.out;
}

constexpr const char* kText = "Hello\x1b[2J fox \u009b2J\u202e \U0001f98a\n";

// Catches escape sequences that reach a terminal, and bytes that a pipe does not get.
TEST(ModelText, IsEscapedOnATerminalOnly) {
  const std::vector<std::string> decode = {"tokenize", tiny("checkpoint"), "--decode"};
  const std::string ids = ids_of(kText);
  const Outcome piped = lapidary(decode, {.input = ids});
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_EQ(piped.out, kText);
  const Outcome shown = lapidary(decode, {.input = ids, .terminal = true});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.out, "Hello\\u001b[2J fox \\u009b2J\\u202e \U0001f98a\n");
}

// Catches a reply that is written twice, held back or otherwise changed on a terminal.
TEST(ModelText, OfAReplyIsTheSameOnATerminal) {
  const std::vector<std::string> run = {"run", package("cpu-fp32"), "What color is the sky?",
                                        "--greedy"};
  const Outcome piped = lapidary(run);
  const Outcome shown = lapidary(run, {.terminal = true});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_FALSE(piped.out.empty());
  EXPECT_EQ(shown.out, piped.out);
}

}  // namespace
}  // namespace lapidary::e2e
