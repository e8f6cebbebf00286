#include "base/parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace lapidary {
namespace {

// Catches pieces done twice or never.
TEST(ParallelFor, DoesEveryPieceOnce) {
  std::vector<std::atomic<int>> done(1000);
  const Status status = parallel_for(
      done.size(),
      [&](size_t i) -> Status {
        ++done[i];
        return {};
      },
      7);
  EXPECT_TRUE(status.ok());
  for (const auto& count : done) EXPECT_EQ(count, 1);
}

TEST(ParallelFor, StopsAtTheFirstErrorAndReturnsIt) {
  std::atomic<int> calls{0};
  const Status status = parallel_for(
      100000,
      [&](size_t i) -> Status {
        ++calls;
        if (i == 5) return bad_input("here", "broken");
        return {};
      },
      3);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "here: broken");
  EXPECT_LT(calls, 100000);
}

// An exception in a thread would end the program.
TEST(ParallelFor, ExceptionsBecomeErrors) {
  const Status memory = parallel_for(
      10, [](size_t) -> Status { throw std::bad_alloc(); }, 4);
  ASSERT_FALSE(memory.ok());
  EXPECT_THAT(memory.error().message(), ::testing::HasSubstr("out of memory"));
  EXPECT_FALSE(parallel_for(1, [](size_t) -> Status { throw std::runtime_error("x"); }).ok());
}

// Catches a thread that takes memory to say that there is none, and an error of it that is taken
// for a bug of the program.
TEST(ParallelFor, AnyExceptionOfAnyThreadIsCarried) {
  for (const size_t threads : {size_t{1}, size_t{2}, size_t{8}}) {
    std::atomic<int> calls{0};
    const Status memory = parallel_for(
        1000,
        [&](size_t) -> Status {
          ++calls;
          throw std::bad_alloc();
        },
        threads);
    EXPECT_EQ(memory.error().kind, ErrorKind::kIo);
    EXPECT_LE(calls, static_cast<int>(threads)) << "pieces started after the first error";
    const Status other = parallel_for(
        3, [](size_t) -> Status { throw 7; }, threads);
    EXPECT_EQ(other.error().kind, ErrorKind::kInternal);
  }
}

TEST(ParallelFor, NothingToDo) {
  EXPECT_TRUE(parallel_for(0, [](size_t) -> Status { return bad_input("", "called"); }).ok());
}

}  // namespace
}  // namespace lapidary
