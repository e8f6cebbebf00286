#include "eval/media_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/testing/source_dir.h"

namespace lapidary::eval {
namespace {

using ::testing::HasSubstr;

class MediaSet : public ::testing::Test {
 protected:
  MediaSet()
      : path_(std::filesystem::path(testing::TempDir()) /
              ("media_set_" + std::to_string(getpid()) + ".json")) {}
  ~MediaSet() override { std::filesystem::remove(path_); }

  Result<std::vector<MediaQuestion>> load(const std::string& text) {
    std::ofstream(path_, std::ios::trunc) << text;
    return load_media_set(path_);
  }

  std::filesystem::path path_;
};

TEST_F(MediaSet, TheTinyModelsOwnIsRead) {
  const auto folder = source_dir() / "models/tiny-gemma4/eval";
  const auto set = load_media_set(folder / "eval.json");
  ASSERT_TRUE(set.ok()) << set.error().message();
  ASSERT_EQ(set->size(), 100u);
  EXPECT_EQ((*set)[0].item.kind, encoders::MediaKind::kImage);
  EXPECT_EQ((*set)[0].item.path, folder / "images/000.png");
  EXPECT_EQ((*set)[0].reference, "A red triangle to the left of a green square.");
  EXPECT_EQ((*set)[0].recorded.back(), 6);
  EXPECT_EQ((*set)[50].item.kind, encoders::MediaKind::kAudio);
  EXPECT_EQ((*set)[50].question, "Transcribe the audio.");
  for (const MediaQuestion& question : *set) {
    EXPECT_TRUE(std::filesystem::exists(question.item.path)) << question.item.path;
  }
}

TEST_F(MediaSet, ListsAndRecordsMayBeLeftOut) {
  const auto set = load(R"({"audio": [{"file": "/a.wav", "question": "?", "reference": ""}]})");
  ASSERT_TRUE(set.ok()) << set.error().message();
  ASSERT_EQ(set->size(), 1u);
  EXPECT_EQ((*set)[0].item.path, "/a.wav");
  EXPECT_TRUE((*set)[0].recorded.empty());
}

TEST_F(MediaSet, ErrorsNameFileAndEntry) {
  const struct {
    const char* text;
    const char* part;
  } cases[] = {
      {"{}", "no question"},
      {"[]", "object"},
      {R"({"images": {}})", "images"},
      {R"({"images": [1]})", "images[0]"},
      {R"({"images": [{"file": "", "question": "q", "reference": "r"}]})", "images[0].file"},
      {R"({"images": [{"question": "q", "reference": "r"}]})", "images[0].file"},
      {R"({"audio": [{"file": "f", "reference": "r"}]})", "audio[0].question"},
      {R"({"audio": [{"file": "f", "question": "q"}]})", "audio[0].reference"},
      {R"({"audio": [{"file": "f", "question": "q", "reference": "r", "refrence": 1}]})",
       "refrence"},
      {R"({"images": [{"file": "f", "question": "q", "reference": "r", "output_ids": [-1]}]})",
       "images[0].output_ids"},
      {R"({"videos": []})", "videos"},
  };
  for (const auto& [text, part] : cases) {
    const auto set = load(text);
    ASSERT_FALSE(set.ok()) << text;
    EXPECT_THAT(set.error().message(), HasSubstr(part));
    EXPECT_THAT(set.error().message(), HasSubstr(path_.string()));
  }
}

}  // namespace
}  // namespace lapidary::eval
