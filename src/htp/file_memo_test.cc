#include "htp/file_memo.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;

class FileMemoTest : public testing::Test {
 protected:
  void SetUp() override { write("one"); }
  void TearDown() override { fs::remove(file_); }
  void write(const std::string& text) const { std::ofstream(file_, std::ios::binary) << text; }
  Result<std::string> got() {
    return memo_.get(file_, [this](const fs::path& file) -> Result<std::string> {
      ++computed_;
      std::ifstream in(file);
      std::string text;
      if (!(in >> text)) return io_error(file.string(), "cannot be read");
      return text;
    });
  }

  fs::path file_ = fs::path(testing::TempDir()) / fmt::format("memo_{}", getpid());
  FileMemo memo_;
  int computed_ = 0;
};

// Catches a build that reads the vendor's libraries again for each graph.
TEST_F(FileMemoTest, ComputesOnce) {
  EXPECT_EQ(*got(), "one");
  EXPECT_EQ(*got(), "one");
  EXPECT_EQ(computed_, 1);
}

// Catches the hash of a library that has been replaced.
TEST_F(FileMemoTest, AChangedFileIsReadAgain) {
  EXPECT_EQ(*got(), "one");
  write("three");
  EXPECT_EQ(*got(), "three");
  write("seven");  // as long as before
  fs::last_write_time(file_, fs::last_write_time(file_) + std::chrono::seconds(1));
  EXPECT_EQ(*got(), "seven");
}

TEST_F(FileMemoTest, AnErrorIsNotKept) {
  fs::remove(file_);
  EXPECT_FALSE(got().ok());
  write("one");
  EXPECT_EQ(*got(), "one");
}

}  // namespace
}  // namespace lapidary::htp
