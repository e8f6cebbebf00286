#include "checkpoint/processor_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/test_files.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ProcessorConfigTest, ReadsTheTinyModel) {
  const auto p = ProcessorConfig::load(tiny_checkpoint());
  ASSERT_TRUE(p.ok()) << p.error().message();
  EXPECT_EQ(p->image_seq_length, 70);
  EXPECT_EQ(p->audio_seq_length, 750);
  EXPECT_EQ(p->audio_ms_per_token, 40);
  EXPECT_EQ(p->image.max_soft_tokens, 70);
  EXPECT_FALSE(p->image.do_normalize);
  EXPECT_EQ(p->image.rescale_factor, 1.0 / 255.0);
  EXPECT_TRUE(p->video.frames.do_normalize);
  EXPECT_EQ(p->video.num_frames, 8);
  EXPECT_EQ(p->audio.frame_length(), 320);
  EXPECT_EQ(p->audio.hop_length(), 160);
  EXPECT_EQ(p->audio.fft_length(), 512);
  EXPECT_EQ(p->audio.mel_floor, 0.001);
}

// Catches: the two layouts of the same settings read differently.
TEST(ProcessorConfigTest, FlatFileSaysTheSame) {
  TempDir dir;
  dir.write("preprocessor_config.json", read_file(tiny_checkpoint() / "preprocessor_config.json"));
  const auto flat = ProcessorConfig::load(dir.path());
  ASSERT_TRUE(flat.ok()) << flat.error().message();
  const auto nested = ProcessorConfig::load(tiny_checkpoint());
  EXPECT_EQ(flat->image, nested->image);
  EXPECT_EQ(flat->audio, nested->audio);
}

TEST(ProcessorConfigTest, DefaultsWithoutFiles) {
  TempDir dir;
  const auto p = ProcessorConfig::load(dir.path());
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p->image.max_soft_tokens, 280);
  EXPECT_EQ(p->video.frames.max_soft_tokens, 70);
  EXPECT_TRUE(p->video.frames.do_normalize);
  EXPECT_EQ(p->video.num_frames, 32);
  EXPECT_EQ(p->audio, AudioFeatureConfig{});
}

// The form that transformers saves: lengths in samples instead of milliseconds.
TEST(ProcessorConfigTest, AcceptsResavedAudioSection) {
  TempDir dir;
  Json audio = {{"feature_extractor_type", "Gemma4AudioFeatureExtractor"},
                {"fft_length", 512},
                {"frame_length", 320},
                {"hop_length", 160},
                {"padding_side", "right"},
                {"per_bin_mean", nullptr}};
  dir.write("processor_config.json", Json{{"feature_extractor", audio}});
  const auto p = ProcessorConfig::load(dir.path());
  ASSERT_TRUE(p.ok()) << p.error().message();
  EXPECT_EQ(p->audio, AudioFeatureConfig{});
  audio["frame_length"] = 512;
  dir.write("processor_config.json", Json{{"feature_extractor", audio}});
  const auto other = ProcessorConfig::load(dir.path());
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message(), HasSubstr("feature_extractor.frame_length' is 512"));
}

// Catches: a key that is read without looking at its type, or a section not read at all.
TEST(ProcessorConfigTest, RefusesWrongTypesOfEveryKey) {
  const Json whole =
      *parse_json(read_file(tiny_checkpoint() / "processor_config.json"), "processor_config.json");
  TempDir dir;
  for (const char* section : {"", "image_processor", "feature_extractor", "video_processor"}) {
    const Json& keys = *section ? whole.at(section) : whole;
    for (const auto& [key, value] : keys.items()) {
      std::vector<Json> wrong = {Json::array({Json::object()})};
      if (!value.is_string()) wrong.push_back("text");
      if (!value.is_boolean()) wrong.push_back(true);
      for (const Json& bad : wrong) {
        Json json = whole;
        (*section ? json[section] : json)[key] = bad;
        dir.write("processor_config.json", json);
        const auto p = ProcessorConfig::load(dir.path());
        ASSERT_FALSE(p.ok()) << section << "." << key << " = " << bad.dump();
        EXPECT_EQ(p.error().kind == ErrorKind::kIo, false);
        EXPECT_THAT(p.error().message(), HasSubstr("processor_config.json")) << key;
        EXPECT_THAT(p.error().message(), HasSubstr(key)) << bad.dump();
      }
    }
  }
}

TEST(ProcessorConfigTest, NotesKeysThatNobodyReads) {
  EXPECT_THAT(ProcessorConfig::load(tiny_checkpoint())->notes, IsEmpty());
  TempDir dir;
  Json json =
      *parse_json(read_file(tiny_checkpoint() / "processor_config.json"), "processor_config.json");
  for (const char* section : {"image_processor", "feature_extractor", "video_processor"}) {
    json[section]["typo"] = 1;
  }
  json["mine"] = "x";
  json["chat_template"] = "{{ messages }}";  // read elsewhere
  dir.write("processor_config.json", json);
  dir.write("preprocessor_config.json", Json{{"flat", 1}});
  dir.write("video_preprocessor_config.json", Json{{"moving", 1}});
  const auto p = ProcessorConfig::load(dir.path());
  ASSERT_TRUE(p.ok()) << p.error().message();
  EXPECT_THAT(p->notes,
              ElementsAre("processor_config.json: passed over 4 keys that no Gemma 4 code reads: "
                          "'image_processor.typo', 'feature_extractor.typo', "
                          "'video_processor.typo', 'mine'",
                          HasSubstr("preprocessor_config.json: passed over 1 key that no Gemma 4 "
                                    "code reads: 'flat'"),
                          HasSubstr("'moving'")));
}

// Catches: defaults that nobody is told of, or files that are taken for absent.
TEST(ProcessorConfigTest, KnowsWhatFilesSpeakOf) {
  TempDir dir;
  const auto none = ProcessorConfig::load(dir.path());
  EXPECT_FALSE(none->has_image || none->has_audio || none->has_video);
  dir.write("preprocessor_config.json", Json{{"max_soft_tokens", 140}});
  const auto flat = ProcessorConfig::load(dir.path());
  EXPECT_TRUE(flat->has_image && flat->has_audio);
  EXPECT_FALSE(flat->has_video);
  dir.write("processor_config.json", Json{{"image_processor", {{"max_soft_tokens", 560}}}});
  dir.write("video_preprocessor_config.json", Json{{"num_frames", 3}});
  const auto both = ProcessorConfig::load(dir.path());
  EXPECT_TRUE(both->has_image && both->has_audio && both->has_video);
  EXPECT_EQ(both->image.max_soft_tokens, 560);
  EXPECT_EQ(both->video.num_frames, 3);
}

TEST(ProcessorConfigTest, RefusesValuesItCannotFollow) {
  struct Case {
    const char* section;
    const char* key;
    Json value;
    const char* message;
  };
  const Case cases[] = {
      {"image_processor", "max_soft_tokens", 71, "must be 70, 140, 280, 560 or 1120"},
      {"image_processor", "image_processor_type", "SiglipImageProcessor", "SiglipImageProcessor"},
      {"image_processor", "do_center_crop", true, "do_center_crop"},
      {"image_processor", "image_std", {1, 0, 1}, "image_std' must not be zero"},
      {"image_processor", "image_mean", {1, 2}, "image_mean' must be one number or three"},
      {"video_processor", "fps", 2, "video_processor.fps' is set"},
      {"video_processor", "num_frames", 0, "num_frames' is 0"},
      {"feature_extractor", "hop_length_ms", 1e-9, "must be a sample to ten seconds"},
      {"feature_extractor", "frame_length_ms", 1e300, "must be a sample to ten seconds"},
      {"feature_extractor", "mel_floor", 0, "mel_floor"},
      {"feature_extractor", "mel_floor", 1e300, "mel_floor' is 1e+300, outside"},
      {"feature_extractor", "preemphasis", -1e300, "preemphasis' is -1e+300, outside"},
      {"feature_extractor", "input_scale_factor", 1e300, "input_scale_factor' is 1e+300, outside"},
      {"image_processor", "rescale_factor", 1e300, "rescale_factor' is 1e+300, outside"},
      {"image_processor", "image_mean", 1e300, "image_mean' is 1e+300, outside"},
      {"image_processor", "image_std", {1, 1e300, 1}, "image_std' holds 1e+300, outside"},
      {"feature_extractor", "padding_side", "left", "padding_side"},
      {"feature_extractor", "per_bin_mean", {1, 2, 3}, "per_bin_mean' has 3 values"},
      {"", "processor_class", "Gemma3Processor", "Gemma3Processor"},
  };
  const Json whole =
      *parse_json(read_file(tiny_checkpoint() / "processor_config.json"), "processor_config.json");
  TempDir dir;
  for (const Case& c : cases) {
    Json json = whole;
    (*c.section ? json[c.section] : json)[c.key] = c.value;
    dir.write("processor_config.json", json);
    const auto p = ProcessorConfig::load(dir.path());
    ASSERT_FALSE(p.ok()) << c.key;
    EXPECT_THAT(p.error().message(), HasSubstr("processor_config.json")) << c.key;
    EXPECT_THAT(p.error().message(), HasSubstr(c.message)) << c.key;
  }
}

}  // namespace
}  // namespace lapidary::checkpoint
