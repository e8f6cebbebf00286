#include "media/video.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace lapidary::media {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class VideoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) / (std::string("video_") + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void add(const std::string& name, const std::string& content = "\x89PNG\r\n\x1a\n...") {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  void add_frames(int count) {
    for (int i = 0; i < count; ++i) add(fmt::format("frame{}.png", i));
  }
  std::vector<std::string> names(const checkpoint::VideoProcessorConfig& config) {
    const auto frames = sample_video(folder_, config, {});
    EXPECT_TRUE(frames.ok());
    std::vector<std::string> out;
    for (const VideoFrame& frame : *frames) out.push_back(frame.path.filename().string());
    return out;
  }
  std::string error(const VideoOptions& options = {}) {
    const auto frames = sample_video(folder_, {}, options);
    return frames.ok() ? "no error" : frames.error().message();
  }

  std::filesystem::path folder_;
};

TEST_F(VideoTest, FramesComeInTheOrderOfTheirNumbers) {
  for (const char* name : {"f10.png", "f9.png", "f009b.png", "f1.png", "a.png", "g.png", "f09.png",
                           "f1x2.png", "f1x10.png"}) {
    add(name);
  }
  EXPECT_THAT(names({}), ElementsAre("a.png", "f1.png", "f1x2.png", "f1x10.png", "f09.png",
                                     "f9.png", "f009b.png", "f10.png", "g.png"));
}

// Indices by default_sample_indices_fn of the reference.
TEST_F(VideoTest, SamplesAtEvenDistances) {
  add_frames(33);
  const auto frames = sample_video(folder_, {.num_frames = 5}, {.fps = 10});
  ASSERT_TRUE(frames.ok());
  std::vector<double> seconds;
  for (const VideoFrame& frame : *frames) seconds.push_back(frame.seconds);
  EXPECT_THAT(seconds, ElementsAre(0.0, 0.6, 1.3, 1.9, 2.6));
  EXPECT_EQ(frames->back().path.filename(), "frame26.png");
}

TEST_F(VideoTest, TakesAllFramesOfAShortVideoOrWhenNotSampling) {
  add_frames(7);
  EXPECT_EQ(names({.num_frames = 32}).size(), 7U);
  EXPECT_EQ(names({.do_sample_frames = false, .num_frames = 3}).size(), 7U);
}

// An unread format is a frame (and an error when it is decoded), never a gap.
TEST_F(VideoTest, PassesOverWhatIsNoImage) {
  add("1.png");
  add("2.gif", "GIF89a");
  add("3.txt", "no image");
  add(".hidden.png");
  add("4.png", "");
  std::filesystem::create_directory(folder_ / "5.png");
  EXPECT_THAT(names({}), ElementsAre("1.png", "2.gif"));
}

TEST_F(VideoTest, Errors) {
  EXPECT_THAT(error(), HasSubstr("no image files in the folder"));
  add("1.png");
  EXPECT_EQ(error(), "no error");
  EXPECT_THAT(error({.fps = 0}), HasSubstr("must be positive"));
  folder_ /= "1.png";
  EXPECT_THAT(error(), HasSubstr("1.png: a video is a folder of image files"));
  folder_ = folder_.parent_path() / "missing";
  EXPECT_THAT(error(), HasSubstr("missing"));
  folder_ = folder_.parent_path();
}

}  // namespace
}  // namespace lapidary::media
