// Both ways to open below a folder: by openat2, and step by step where there is none.
#include "package/open_beneath.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "checkpoint/test_files.h"

namespace lapidary::package {
namespace {

namespace fs = std::filesystem;

class Beneath : public ::testing::Test {
 protected:
  Beneath() : folder_(::open(dir_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    fs::create_directories(dir_.path() / "a/b");
    dir_.write("a/b/file", std::string("x"));
    outside_.write("secret", std::string("y"));
    fs::create_directory_symlink("b", dir_.path() / "a/to_b");
    fs::create_symlink("b/file", dir_.path() / "a/to_file");
    fs::create_symlink(outside_.path() / "secret", dir_.path() / "absolute");
    fs::create_symlink("../" + (outside_.path().filename() / "secret").string(),
                       dir_.path() / "relative");
    fs::create_directory_symlink(outside_.path(), dir_.path() / "folder");
    fs::create_symlink("/proc/self/fd/0", dir_.path() / "magic");
    fs::create_symlink("loop", dir_.path() / "loop");
  }
  checkpoint::TempDir dir_;
  checkpoint::TempDir outside_;
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
}  // namespace lapidary::package
