#include "calibration/encoder_samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "base/testing/source_dir.h"
#include "checkpoint/processor_config.h"

namespace lapidary::calibration {
namespace {

using encoders::MediaKind;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Path = std::filesystem::path;

const Path kTiny = source_dir() / "models/tiny-gemma4";

Sequence showing(const std::string& where, std::vector<encoders::MediaItem> media) {
  Sequence out;
  out.where = where;
  out.media = std::move(media);
  return out;
}

encoders::MediaItem image(int i) {
  return {MediaKind::kImage, kTiny / ("samples/image" + std::to_string(i) + ".png")};
}

encoders::MediaItem clip(int i) {
  return {MediaKind::kAudio, kTiny / ("samples/audio" + std::to_string(i) + ".wav")};
}

class EncoderSamplesTest : public testing::Test {
 protected:
  void SetUp() override {
    processor_ = checkpoint::ProcessorConfig::load(kTiny / "checkpoint").value();
    vision_.fixed_encoder = {.soft_tokens = 70, .masked = -100};
    audio_.attention_chunk_size = 12;
    audio_.attention_past = 12;
    audio_.fixed_encoder = {.soft_tokens = 48, .masked = -100};
  }

  checkpoint::ProcessorConfig processor_;
  package::VisionModel vision_;
  package::AudioModel audio_;
};

using Sample = std::vector<ort::HostTensor>;

std::vector<Sample> all(SampleSource& source) {
  std::vector<Sample> out;
  while (true) {
    auto next = source.next();
    EXPECT_TRUE(next.ok()) << next.error().message();
    if (!next.ok() || !*next) return out;
    out.push_back(**std::move(next));
  }
}

TEST_F(EncoderSamplesTest, EachFileComesOnceInTheOrderOfTheChats) {
  const std::vector<Sequence> chats = {showing("a:1", {image(3), clip(0)}),
                                       showing("a:2", {image(1), image(3)})};
  const auto media = media_of(chats);
  ASSERT_EQ(media.size(), 3U);
  EXPECT_EQ(media[0].item.path, image(3).path);
  EXPECT_EQ(media[2].item.path, image(1).path);
  EXPECT_EQ(media[2].where, "a:2");
}

// Shapes are those of the encoder whatever the picture's; the second round equals the first.
TEST_F(EncoderSamplesTest, PicturesAreInputsOfTheEncoder) {
  const std::vector<MediaUse> media = {{image(0), "a:1"}, {clip(0), "a:2"}, {image(1), "a:3"}};
  auto samples = vision_samples(media, processor_, vision_);
  ASSERT_TRUE(samples.ok()) << samples.error().message();
  EXPECT_EQ((*samples)->count(), 2);
  const auto first = all(**samples);
  ASSERT_EQ(first.size(), 2U);
  for (const ort::HostTensor& input : first[0]) {
    if (input.name == "pixel_values") {
      EXPECT_THAT(input.shape, testing::ElementsAre(1, 630, 768));
    }
  }
  EXPECT_GT((*samples)->soft_tokens(), 0);
  EXPECT_LE((*samples)->soft_tokens(), 70);
  ASSERT_TRUE((*samples)->rewind().ok());
  const auto second = all(**samples);
  ASSERT_EQ(second.size(), 2U);
  EXPECT_EQ(second[1][0].data, first[1][0].data);
  EXPECT_NE(first[0][0].data, first[1][0].data);
}

TEST_F(EncoderSamplesTest, ClipsAreInputsOfTheEncoder) {
  const std::vector<MediaUse> media = {{image(0), "a:1"}, {clip(0), "a:2"}};
  auto samples = audio_samples(media, processor_, audio_);
  ASSERT_TRUE(samples.ok()) << samples.error().message();
  const auto inputs = all(**samples);
  ASSERT_EQ(inputs.size(), 1U);
  EXPECT_EQ(inputs[0].size(), 3U);
  EXPECT_GT((*samples)->soft_tokens(), 0);
}

TEST_F(EncoderSamplesTest, FilesThatCannotBeShownAreNamedByTheirChat) {
  const MediaUse gone{{MediaKind::kImage, kTiny / "nobody.png"}, "chats.jsonl:7"};
  auto samples = vision_samples(std::vector<MediaUse>{gone}, processor_, vision_);
  ASSERT_TRUE(samples.ok());
  const auto next = (*samples)->next();
  ASSERT_FALSE(next.ok());
  EXPECT_THAT(next.error().message(), AllOf(HasSubstr("chats.jsonl:7"), HasSubstr("nobody.png")));
  const MediaUse video{{MediaKind::kVideo, kTiny / "nowhere"}, "chats.jsonl:8"};
  const auto frames = vision_samples(std::vector<MediaUse>{video}, processor_, vision_);
  ASSERT_FALSE(frames.ok());
  EXPECT_THAT(frames.error().message(), HasSubstr("chats.jsonl:8"));
}

TEST_F(EncoderSamplesTest, RangesThatNeedNoSamples) {
  graph::Graph graph;
  for (const char* name : {"attention_mask", "subsampled_mask", "pixel_values"}) {
    graph.inputs.push_back({name, DType::kFloat, {}});
  }
  quant::Ranges ranges;
  ASSERT_TRUE(ranges.set("pixel_values", {0.25F, 0.875F}).ok());
  ASSERT_TRUE(set_fixed_encoder_ranges(graph, -100, ranges).ok());
  EXPECT_EQ(*ranges.find("attention_mask"), (quant::Range{-100, 0}));
  EXPECT_EQ(*ranges.find("subsampled_mask"), (quant::Range{0, 1}));
  EXPECT_EQ(*ranges.find("pixel_values"), (quant::Range{0, 1}));
  // A processor that normalizes makes pixels of other ranges.
  ASSERT_TRUE(ranges.set("pixel_values", {-1, 0.875F}).ok());
  ASSERT_TRUE(set_fixed_encoder_ranges(graph, -100, ranges).ok());
  EXPECT_EQ(*ranges.find("pixel_values"), (quant::Range{-1, 0.875F}));
}

}  // namespace
}  // namespace lapidary::calibration
