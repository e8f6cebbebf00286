#include "checkpoint/downloaded_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/test_files.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kPointer =
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

std::string message_of_opening(const TempDir& dir) {
  const auto c = Checkpoint::open(dir.path());
  return c.ok() ? "opened" : c.error().message();
}

// Catches: "not JSON", "header too long" and the like for what git clone leaves without git-lfs.
TEST(DownloadedFileTest, GitLfsPointersAreNamed) {
  for (const char* name :
       {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json",
        "generation_config.json", "processor_config.json", "chat_template.jinja"}) {
    TempDir dir;
    link_tiny_checkpoint(dir);
    replace(dir, name, kPointer);
    EXPECT_THAT(
        message_of_opening(dir),
        AllOf(HasSubstr(std::string(name) + ": is a Git LFS pointer"), HasSubstr("git lfs pull")));
  }
}

TEST(DownloadedFileTest, GitLfsPointersInPlaceOfShards) {
  TempDir dir;
  link_tiny_checkpoint(dir);
  std::filesystem::remove(dir.path() / "model.safetensors");
  dir.write("model-00001-of-00001.safetensors", std::string(kPointer));
  dir.write("model.safetensors.index.json",
            Json{{"weight_map", {{"a", "model-00001-of-00001.safetensors"}}}});
  EXPECT_THAT(message_of_opening(dir),
              HasSubstr("model-00001-of-00001.safetensors: is a Git LFS pointer"));
  replace(dir, "model.safetensors.index.json", kPointer);
  EXPECT_THAT(message_of_opening(dir),
              HasSubstr("model.safetensors.index.json: is a Git LFS pointer"));
}

TEST(DownloadedFileTest, UnfinishedDownloadsAreNamed) {
  for (const char* suffix : {".incomplete", ".part", ".crdownload", ".download", ".aria2"}) {
    for (const char* name : {"model.safetensors", "tokenizer.json"}) {
      TempDir dir;
      link_tiny_checkpoint(dir);
      std::filesystem::remove(dir.path() / name);
      dir.write(std::string(name) + suffix, std::string("x"));
      EXPECT_THAT(message_of_opening(dir),
                  AllOf(HasSubstr(std::string(name) + ": is missing; '" + name + suffix +
                                  "' lies beside it (finish the download)")));
    }
  }
}

// aria2 gives a file its full size from the start: nothing in it need look wrong.
TEST(DownloadedFileTest, WholeInSizeIsNotWhole) {
  TempDir dir;
  link_tiny_checkpoint(dir);
  dir.write("model.safetensors.aria2", std::string("x"));
  EXPECT_THAT(message_of_opening(dir), HasSubstr("model.safetensors: is not downloaded whole"));
}

// Catches: a file that is refused because an older download failed.
TEST(DownloadedFileTest, AWholeFileMayHaveAnOldPartBesideIt) {
  TempDir dir;
  link_tiny_checkpoint(dir);
  dir.write("model.safetensors.part", std::string("x"));
  EXPECT_EQ(message_of_opening(dir), "opened");
}

TEST(DownloadedFileTest, ShortFilesAreNamed) {
  const std::string whole = read_file(tiny_checkpoint() / "model.safetensors");
  for (const size_t size : {whole.size() - 1, whole.size() / 2, size_t{100}}) {
    TempDir dir;
    link_tiny_checkpoint(dir);
    replace(dir, "model.safetensors", whole.substr(0, size));
    EXPECT_THAT(message_of_opening(dir),
                AllOf(HasSubstr("model.safetensors: "),
                      HasSubstr("the file is shorter than its header says: finish the download")));
    dir.write("model.safetensors.part", std::string("x"));
    EXPECT_THAT(message_of_opening(dir),
                HasSubstr("('model.safetensors.part' lies beside it: finish the download)"));
  }
}

// A Hugging Face cache whose blobs were deleted.
TEST(DownloadedFileTest, LinksToNothingAreNamed) {
  for (const char* name : {"model.safetensors", "tokenizer.json"}) {
    TempDir dir;
    link_tiny_checkpoint(dir);
    std::filesystem::remove(dir.path() / name);
    std::filesystem::create_symlink("../../blobs/4d7a", dir.path() / name);
    EXPECT_THAT(message_of_opening(dir),
                HasSubstr(std::string(name) +
                          ": is missing: it is a link to '../../blobs/4d7a', which is not there"));
  }
}

}  // namespace
}  // namespace lapidary::checkpoint
