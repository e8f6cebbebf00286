#include "base/folder_handle.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>

namespace lapidary {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FolderHandleTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(around_);
    write("inside/b/file");
    write("inside/a");
    write("inside/z");
    write("outside/kept");
    fs::create_directories(inside_ / "empty");
    fs::create_directory_symlink(around_ / "outside", inside_ / "link");
  }
  void TearDown() override { fs::remove_all(around_); }

  void write(const std::string& name) const {
    fs::create_directories((around_ / name).parent_path());
    std::ofstream(around_ / name) << "x";
  }
  FileHandle open() const {
    auto folder = open_folder_at(AT_FDCWD, inside_, inside_);
    EXPECT_TRUE(folder.ok());
    if (!folder.ok()) return FileHandle();
    return std::move(*folder);
  }

  const fs::path around_ =
      fs::path(testing::TempDir()) / fmt::format("folder_handle_{}", ::getpid());
  const fs::path inside_ = around_ / "inside";
};

TEST_F(FolderHandleTest, ALinkIsNoFolder) {
  EXPECT_FALSE(open_folder_at(AT_FDCWD, inside_ / "link", "x").ok());
  EXPECT_FALSE(open_folder_at(open().fd(), "link", "x").ok());
  EXPECT_FALSE(open_folder_at(open().fd(), "a", "x").ok());
  EXPECT_TRUE(S_ISLNK(look_at(open().fd(), "link")->st_mode));
}

// Catches a walk that follows a link, and one in whose order a folder comes before its files.
TEST_F(FolderHandleTest, TheWalkIsInOrderAndEntersNoLink) {
  std::vector<std::string> paths;
  const auto note = [&](const FolderEntry& entry) -> Status {
    paths.push_back(entry.path);
    return {};
  };
  ASSERT_TRUE(walk_below(open(), inside_, note).ok());
  EXPECT_THAT(paths, ElementsAre("a", "b/file", "b", "empty", "link", "z"));
  paths.clear();
  ASSERT_TRUE(walk_below(open(), inside_, note, {.last = {"b", "a"}, .goes_on = false}).ok());
  EXPECT_THAT(paths, ElementsAre("empty", "link", "z", "b/file", "b", "a"));
}

// Catches an error that is lost, and a removal that goes on to the file by which a folder is known.
TEST_F(FolderHandleTest, AnErrorEndsTheWalkOrIsKept) {
  for (const bool goes_on : {false, true}) {
    std::set<std::string> paths;
    const auto refuse = [&](const FolderEntry& entry) -> Status {
      paths.insert(entry.path);
      return entry.name == "file" ? io_error(entry.shown.string(), "fails") : Status();
    };
    const Status status = walk_below(open(), inside_, refuse, {.last = {}, .goes_on = goes_on});
    ASSERT_FALSE(status.ok());
    EXPECT_THAT(status.error().where, HasSubstr("inside/b/file"));
    EXPECT_EQ(paths.contains("z"), goes_on);
  }
}

TEST_F(FolderHandleTest, WhatIsNotMeantStaysWithItsFolders) {
  const auto goes = [](const std::string& path, mode_t) { return path != "b/file"; };
  ASSERT_TRUE(remove_below(open(), inside_, goes).ok());
  EXPECT_THAT(*names_in(open(), inside_), ElementsAre("b"));
  EXPECT_TRUE(fs::exists(inside_ / "b/file"));
  EXPECT_TRUE(fs::exists(around_ / "outside/kept")) << "a link was followed";
}

// Catches a walk that takes descriptors and stack without end.
TEST_F(FolderHandleTest, DeepFoldersAreAnError) {
  fs::path deep = inside_;
  for (int i = 0; i < 200; ++i) deep /= "d";
  fs::create_directories(deep);
  const auto all = [](const std::string&, mode_t) { return true; };
  EXPECT_FALSE(remove_below(open(), inside_, all).ok());
  EXPECT_TRUE(fs::exists(deep));
}

TEST_F(FolderHandleTest, AReplacedFolderIsAnotherOne) {
  const FileHandle folder = open();
  EXPECT_TRUE(is_same(folder, AT_FDCWD, inside_));
  fs::rename(inside_, around_ / "moved");
  EXPECT_FALSE(is_same(folder, AT_FDCWD, inside_));
  EXPECT_TRUE(is_same(folder, AT_FDCWD, around_ / "moved"));
  EXPECT_TRUE(flush_below(folder, inside_).ok());
  EXPECT_TRUE(names_in(folder, inside_).ok());
}

}  // namespace
}  // namespace lapidary
