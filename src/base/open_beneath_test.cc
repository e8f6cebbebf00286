// Both ways to open below a folder: by openat2, and step by step where there is none.
#include "base/open_beneath.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace lapidary {
namespace {

namespace fs = std::filesystem;

class Beneath : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(around_);
    fs::create_directories(inside_ / "a/b");
    fs::create_directories(outside_);
    std::ofstream(inside_ / "a/b/file") << "x";
    std::ofstream(outside_ / "secret") << "y";
    fs::create_directory_symlink("b", inside_ / "a/to_b");
    fs::create_symlink("b/file", inside_ / "a/to_file");
    fs::create_symlink(outside_ / "secret", inside_ / "absolute");
    fs::create_symlink("../outside/secret", inside_ / "relative");
    fs::create_directory_symlink(outside_, inside_ / "folder");
    fs::create_symlink("/proc/self/fd/0", inside_ / "magic");
    fs::create_symlink("loop", inside_ / "loop");
    folder_ = FileHandle(::open(inside_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(folder_.is_open());
  }
  void TearDown() override { fs::remove_all(around_); }

  const fs::path around_ =
      fs::path(testing::TempDir()) / fmt::format("open_beneath_{}", ::getpid());
  const fs::path inside_ = around_ / "inside";
  const fs::path outside_ = around_ / "outside";
  FileHandle folder_;
};

TEST_F(Beneath, FilesAreOpenedByEitherWay) {
  for (const auto& open : {open_beneath, open_without_links}) {
    for (const int flags : {O_RDONLY | O_NONBLOCK, O_PATH}) {
      EXPECT_EQ(open(folder_.fd(), "a/b/file", flags).error, 0);
      EXPECT_EQ(open(folder_.fd(), "./a//b/file", flags).error, 0);
      EXPECT_EQ(open(folder_.fd(), "a/b/none", flags).error, ENOENT);
      EXPECT_EQ(open(folder_.fd(), "none/file", flags).error, ENOENT);
      EXPECT_EQ(open(folder_.fd(), "a/b/file/x", flags).error, ENOTDIR);
    }
  }
}

TEST_F(Beneath, NoLinkLeadsOut) {
  for (const auto& open : {open_beneath, open_without_links}) {
    for (const int flags : {O_RDONLY | O_NONBLOCK, O_PATH}) {
      for (const char* name : {"absolute", "relative", "folder/secret", "magic", "loop"}) {
        EXPECT_EQ(open(folder_.fd(), name, flags).error, kLeadsOut) << name;
      }
      const std::string absolute = inside_ / "a/b/file";
      EXPECT_EQ(open(folder_.fd(), absolute, flags).error, kLeadsOut);
    }
  }
  EXPECT_EQ(open_without_links(folder_.fd(), "a/../a/b/file", O_PATH).error, kLeadsOut);
}

// Where there is openat2, links inside are followed; else none is.
TEST_F(Beneath, LinksInside) {
  const int known = open_beneath(folder_.fd(), "a/to_file", O_PATH).error;
  EXPECT_TRUE(known == 0 || known == kLeadsOut);
  EXPECT_EQ(open_beneath(folder_.fd(), "a/to_b/file", O_PATH).error, known);
  EXPECT_EQ(open_without_links(folder_.fd(), "a/to_file", O_PATH).error, kLeadsOut);
  EXPECT_EQ(open_without_links(folder_.fd(), "a/to_b/file", O_PATH).error, kLeadsOut);
}

}  // namespace
}  // namespace lapidary
