#include "base/text.h"

#include <gtest/gtest.h>

namespace lapidary {
namespace {

TEST(Text, OneIsCountedWithoutAnS) {
  EXPECT_EQ(counted(0, "node"), "0 nodes");
  EXPECT_EQ(counted(1, "node"), "1 node");
  EXPECT_EQ(counted(1200, "key/value cache"), "1200 key/value caches");
}

}  // namespace
}  // namespace lapidary
