#include "base/file_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lapidary {
namespace {

using ::testing::HasSubstr;

// Files of a folder and texts answer alike; would catch a reader that sees one kind only.
TEST(FileSet, FolderAndTextsAnswerAlike) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("file-set-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "a.json") << "{\"x\": 1}";
  for (const FileSet& files : {FileSet(folder), FileSet("m.gguf", {{"a.json", "{\"x\": 1}"}})}) {
    EXPECT_TRUE(files.has("a.json"));
    EXPECT_FALSE(files.has("b.json"));
    EXPECT_EQ(files.size("a.json"), 8U);
    EXPECT_EQ(files.size("b.json"), 0U);
    EXPECT_EQ(files.read("a.json").value(), "{\"x\": 1}");
    EXPECT_EQ(files.document("a.json").value().json()["x"], 1);
    std::string seen;
    const auto see = [&](std::string_view bytes) -> Status {
      seen = bytes;
      return {};
    };
    EXPECT_TRUE(files.with_bytes("a.json", see).ok());
    EXPECT_EQ(seen, "{\"x\": 1}");
    EXPECT_FALSE(files.with_bytes("b.json", see).ok());
    EXPECT_EQ(files.with_bytes("a.json", [](std::string_view) { return Status(cancelled()); })
                  .error()
                  .kind,
              ErrorKind::kCancelled);
    const auto missing = files.read("b.json");
    ASSERT_FALSE(missing.ok());
    EXPECT_THAT(missing.error().message(), HasSubstr("b.json"));
    const auto to = folder / "copy";
    ASSERT_TRUE(files.copy("a.json", to).ok());
    EXPECT_EQ(std::filesystem::file_size(to), 8U);
    std::filesystem::remove(to);
  }
  EXPECT_EQ(FileSet("m.gguf", {}).where("a.json"), "m.gguf: a.json");
  EXPECT_EQ(FileSet(folder).where("a.json"), (folder / "a.json").string());
  std::filesystem::remove_all(folder);
}

// Would catch a reader that goes to the folder, or to a file's metadata, behind what was given.
TEST(FileSet, WhatIsReplacedAnswersInThePlaceOfTheFile) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("file-set-replaced-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "a.json") << "{\"x\": 1}";
  for (FileSet files : {FileSet(folder), FileSet("m.gguf", {{"a.json", "{\"x\": 1}"}})}) {
    EXPECT_FALSE(files.replaced("a.json"));
    for (const char* name : {"a.json", "new.json"}) {
      files.replace(name, R"({"x": 22})", "given.json");
      EXPECT_TRUE(files.replaced(name));
      EXPECT_TRUE(files.has(name));
      EXPECT_EQ(files.where(name), "given.json");
      EXPECT_EQ(files.size(name), 9U);
      EXPECT_EQ(files.read(name).value(), R"({"x": 22})");
      EXPECT_EQ(files.document(name).value().json()["x"], 22);
      std::string seen;
      ASSERT_TRUE(files
                      .with_bytes(name,
                                  [&](std::string_view bytes) -> Status {
                                    seen = bytes;
                                    return {};
                                  })
                      .ok());
      EXPECT_EQ(seen, R"({"x": 22})");
      ASSERT_TRUE(files.copy(name, folder / "copy").ok());
      EXPECT_EQ(std::filesystem::file_size(folder / "copy"), 9U);
      std::filesystem::remove(folder / "copy");
    }
    EXPECT_FALSE(files.has("b.json"));
  }
  EXPECT_EQ(std::filesystem::file_size(folder / "a.json"), 8U) << "the folder is left alone";
  EXPECT_FALSE(std::filesystem::exists(folder / "new.json"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lapidary
