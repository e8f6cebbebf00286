// Two codes a byte: catches nibbles in the wrong order, a sign that is lost, a neighbour that is hit.
#include "weights/code_packing.h"

#include <gtest/gtest.h>

#include <array>

namespace lapidary::weights {
namespace {

TEST(CodePacking, NibblesComeBack) {
  for (int even = -8; even < 16; ++even) {
    for (int odd = -8; odd < 16; ++odd) {
      std::array<std::byte, 3> bytes{};
      put_nibble(bytes, 2, even);
      put_nibble(bytes, 3, odd);
      EXPECT_EQ(nibble(bytes, 2), even & 15);
      EXPECT_EQ(nibble(bytes, 3), odd & 15);
      EXPECT_EQ(signed_nibble(bytes, 2), even < 8 ? even : even - 16);
      EXPECT_EQ(signed_nibble(bytes, 3), odd < 8 ? odd : odd - 16);
      for (const size_t other : {0U, 1U, 4U, 5U}) EXPECT_EQ(nibble(bytes, other), 0);
    }
  }
}

TEST(CodePacking, TheLowerIndexIsInTheLowNibble) {
  std::array<std::byte, 1> bytes{};
  put_nibble(bytes, 0, 0x3);
  put_nibble(bytes, 1, 0xA);
  EXPECT_EQ(bytes[0], std::byte{0xA3});
}

}  // namespace
}  // namespace lapidary::weights
