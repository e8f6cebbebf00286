// Small files: written whole or not at all.
#include "base/files.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>

#include "base/testing/recording_sink.h"

namespace lapidary {
namespace {

namespace fs = std::filesystem;

class Files : public ::testing::Test {
 protected:
  Files() : dir_(fs::path(::testing::TempDir()) / fmt::format("files_test_{}", getpid())) {
    fs::create_directories(dir_);
  }
  ~Files() override { fs::remove_all(dir_); }
  static std::string read(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }
  fs::path dir_;
};

// A pipe that nobody reads blocks whoever opens it for writing, and a device is not to be replaced.
TEST_F(Files, OnlyRegularFilesAreOutputs) {
  const fs::path pipe = dir_ / "pipe", next = dir_ / "next";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  ASSERT_EQ(mkfifo((dir_ / "next.tmp").c_str(), 0600), 0);
  for (const Status& status : {write_file(pipe, "x"), replace_file(pipe, "x"),
                               replace_file(next, "x"), check_output_file(pipe)}) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kBadInput);
    EXPECT_THAT(status.error().message(), testing::HasSubstr("but a pipe"));
  }
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_FALSE(check_output_file("/dev/null").ok());
  EXPECT_TRUE(check_output_file(next).ok());
}

TEST_F(Files, WriteReplaceCopy) {
  const fs::path path = dir_ / "a";
  ASSERT_TRUE(write_file(path, "one").ok());
  ASSERT_TRUE(replace_file(path, std::string("t\0wo", 4)).ok());
  EXPECT_EQ(read(path), std::string("t\0wo", 4));
  ASSERT_TRUE(lapidary::copy_file(path, dir_ / "b").ok());
  EXPECT_EQ(read(dir_ / "b"), read(path));
  EXPECT_TRUE(sync_directory(dir_).ok());
  // Nothing temporary stays.
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 2);
}

// A journal that is cut off by a full disk would lose what it had said before.
TEST_F(Files, FailedReplacementKeepsTheOldContent) {
  const fs::path path = dir_ / "a";
  ASSERT_TRUE(write_file(path, "old").ok());
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{10, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const Status status = replace_file(path, std::string(1000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kIo);
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1);
}

// Catches a copy of gigabytes that nobody can end, and one that leaves half a file.
TEST_F(Files, ACancelledCopyLeavesNothing) {
  constexpr uint64_t kBytes = 10 << 20;
  ASSERT_TRUE(write_file(dir_ / "a", std::string(kBytes, 'x')).ok());
  RecordingSink sink(first_unit);
  const Status copied = lapidary::copy_file(dir_ / "a", dir_ / "b", sink.work());
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().kind, ErrorKind::kCancelled);
  EXPECT_GT(sink.done(), 0U);
  EXPECT_LT(sink.done(), kBytes) << "the token was not looked at on the way";
  EXPECT_FALSE(fs::exists(dir_ / "b"));
}

// Would catch a sibling's name that lands in the folder, and a clean-up of folders of others.
TEST_F(Files, MakesMissingFoldersAndNamesThem) {
  EXPECT_EQ(absolute_path(dir_ / "a/../b/./"), dir_ / "b");
  std::vector<fs::path> made;
  ASSERT_TRUE(make_folders(dir_ / "one/two", 0700, made).ok());
  EXPECT_THAT(made, ::testing::ElementsAre(dir_ / "one", dir_ / "one/two"));
  ASSERT_TRUE(make_folders(dir_ / "one/two", 0700, made).ok());
  EXPECT_EQ(made.size(), 2U);
  ASSERT_TRUE(write_file(dir_ / "file", "x").ok());
  EXPECT_FALSE(make_folders(dir_ / "file/three", 0700, made).ok());
}

TEST_F(Files, ErrorsNameTheFileAndTheRemedy) {
  EXPECT_THAT(write_file(dir_ / "none/a", "x").error().message(),
              ::testing::HasSubstr("none/a: No such file"));
  EXPECT_THAT(system_error("out", ENOSPC).message(), ::testing::HasSubstr("free some space"));
}

}  // namespace
}  // namespace lapidary
