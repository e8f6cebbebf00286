#include "base/glob.h"

#include <gtest/gtest.h>

namespace lapidary {
namespace {

TEST(Glob, MatchesWholeNames) {
  EXPECT_TRUE(glob_match("lm_head/MatMul", "lm_head/MatMul"));
  EXPECT_FALSE(glob_match("lm_head", "lm_head/MatMul"));
  EXPECT_TRUE(glob_match("*lm_head*", "model.lm_head/MatMul"));
  EXPECT_TRUE(glob_match("*.layers.?.mlp.*", "model.layers.3.mlp.up_proj"));
  EXPECT_FALSE(glob_match("*.layers.?.mlp.*", "model.layers.13.mlp.up_proj"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_FALSE(glob_match("?", ""));
  EXPECT_TRUE(glob_match("", ""));
}

// Catches a star that gives up at its first candidate.
TEST(Glob, BacktracksOverStars) {
  EXPECT_TRUE(glob_match("a*b*c", "a_b_c_b_c"));
  EXPECT_FALSE(glob_match("a*b*c", "a_b_c_b"));
  EXPECT_TRUE(glob_match("**q_proj", "k_proj.q_proj"));
}

}  // namespace
}  // namespace lapidary
