// Media through the library: what is encoded once, what prompts and conversations make of it, and
// what is refused. The answers themselves are in media_test.cc.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/recording_sink.h"
#include "base/testing/source_dir.h"
#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "runtime/conversation.h"

namespace lapidary::e2e {
namespace {

using encoders::EncodedMedia;
using encoders::MediaEncoder;
using encoders::MediaItem;
using encoders::MediaKind;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
namespace fs = std::filesystem;

runtime::GenerationOptions greedy() {
  runtime::GenerationOptions options = runtime::default_options(model().generation_config());
  options.sampling.greedy = true;
  options.max_tokens = 60;
  return options;
}

MediaItem image(int i) { return {MediaKind::kImage, tiny(fmt::format("samples/image{}.png", i))}; }
MediaItem audio(int i) { return {MediaKind::kAudio, tiny(fmt::format("samples/audio{}.wav", i))}; }

class MediaTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::path(testing::TempDir()) / ("lapidary_media_" + std::to_string(getpid()));
    fs::create_directories(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  // A 16-bit WAV file of a quiet tone.
  fs::path tone(const std::string& name, uint32_t samples, uint32_t rate = 16000) const {
    std::string bytes;
    const auto put = [&](uint32_t value, int count) {
      for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
    };
    bytes += "RIFF";
    put(36 + 2 * samples, 4);
    bytes += "WAVEfmt ";
    put(16, 4);
    put(1, 2);
    put(1, 2);
    put(rate, 4);
    put(2 * rate, 4);
    put(2, 2);
    put(16, 2);
    bytes += "data";
    put(2 * samples, 4);
    for (uint32_t i = 0; i < samples; ++i) {
      put(static_cast<uint32_t>(std::lround(1000 * std::sin(0.05 * i))), 2);
    }
    std::ofstream(dir_ / name, std::ios::binary) << bytes;
    return dir_ / name;
  }

  fs::path dir_;
};

std::string error_of(const Result<EncodedMedia>& result, ErrorKind kind = ErrorKind::kBadInput) {
  if (result.ok()) return "no error";
  EXPECT_EQ(result.error().kind, kind) << result.error().message();
  return result.error().message();
}

// Catches a cache by name, and one that takes a video frame's features for an image's.
TEST_F(MediaTest, EachContentIsEncodedOnce) {
  MediaEncoder encoder(model().media_model());
  const auto first = encoder.encode(image(0)).value();
  EXPECT_FALSE(first.cached);
  EXPECT_GT(first.timings.encoder_seconds, 0);
  fs::copy_file(image(0).path, dir_ / "another name");
  const auto again = encoder.encode({MediaKind::kImage, dir_ / "another name"}).value();
  EXPECT_TRUE(again.cached);
  EXPECT_EQ(again.blocks, first.blocks);
  EXPECT_EQ(again.replacement, first.replacement);
  EXPECT_EQ(again.timings.decode_seconds + again.timings.encoder_seconds, 0);
  EXPECT_FALSE(encoder.encode(image(1)).value().cached);
  EXPECT_FALSE(encoder.encode({MediaKind::kVideo, dir_}).value().cached);

  fs::copy_file(image(2).path, dir_ / "another name", fs::copy_options::overwrite_existing);
  const auto other = encoder.encode({MediaKind::kImage, dir_ / "another name"}).value();
  EXPECT_FALSE(other.cached);
  EXPECT_NE(other.blocks, first.blocks);

  const auto sound = encoder.encode(audio(0)).value();
  EXPECT_FALSE(sound.cached);
  EXPECT_EQ(encoder.encode(audio(0)).value().blocks, sound.blocks);
}

TEST_F(MediaTest, AVideoIsItsFramesWithTheirTimes) {
  for (int i = 0; i < 3; ++i) {
    fs::copy_file(image(i).path, dir_ / fmt::format("frame{}.png", i));
  }
  MediaEncoder encoder(model().media_model(), {.video_fps = 0.02});
  const auto video = encoder.encode({MediaKind::kVideo, dir_}).value();
  ASSERT_THAT(video.blocks, SizeIs(3));
  const encoders::MediaTokens& tokens = *model().media(MediaKind::kVideo);
  const auto marked = [&](size_t i) { return tokens.marked(video.blocks[i]->count); };
  EXPECT_EQ(video.replacement,
            fmt::format("00:00 {} 00:50 {} 01:40 {}", marked(0), marked(1), marked(2)));
}

// One unit for each image, frame and clip: catches a bar that never fills.
TEST_F(MediaTest, ProgressCountsWhatIsEncoded) {
  for (int i = 0; i < 3; ++i) {
    fs::copy_file(image(i).path, dir_ / fmt::format("frame{}.png", i));
  }
  MediaEncoder encoder(model().media_model());
  RecordingSink count;
  const auto media =
      encoder.encode({image(0), {MediaKind::kVideo, dir_}, audio(0)}, {.progress = &count});
  ASSERT_TRUE(media.ok()) << media.error().message();
  EXPECT_THAT(*media, SizeIs(3));
  EXPECT_EQ(count.total(), 5U);
  EXPECT_EQ(count.done(), 5U);
  EXPECT_EQ(count.last().unit, Unit::kItems) << "pictures shown as bytes";
}

TEST_F(MediaTest, CancelledBeforeTheNextItem) {
  CancelToken cancel;
  cancel.cancel();
  MediaEncoder encoder(model().media_model());
  error_of(encoder.encode(image(0), &cancel), ErrorKind::kCancelled);
}

TEST_F(MediaTest, LongClipsAreRefusedOrSplit) {
  const fs::path clip = tone("long.wav", 16000 * 65);
  MediaEncoder strict(model().media_model());
  EXPECT_THAT(error_of(strict.encode({MediaKind::kAudio, clip})),
              AllOf(HasSubstr("long.wav"), HasSubstr("30"), HasSubstr("--split-audio")));
  MediaEncoder splitting(model().media_model(), {.split_audio = true});
  const auto pieces = splitting.encode({MediaKind::kAudio, clip}).value();
  ASSERT_THAT(pieces.blocks, SizeIs(3));
  EXPECT_EQ(pieces.blocks[0]->count, 750);
  EXPECT_EQ(pieces.blocks[1]->count, 750);
  std::string replacement;
  for (const auto& piece : pieces.blocks) {
    replacement += model().media(MediaKind::kAudio)->marked(piece->count);
  }
  EXPECT_EQ(pieces.replacement, replacement);
  const auto prompt = model().raw_prompt("<|audio|>", std::vector{pieces}).value();
  EXPECT_THAT(prompt.blocks, SizeIs(3));
}

// A remainder too short for a soft token is left out; a clip that is nothing else is an error.
TEST_F(MediaTest, ShortClips) {
  MediaEncoder encoder(model().media_model(), {.split_audio = true});
  EXPECT_THAT(error_of(encoder.encode({MediaKind::kAudio, tone("short.wav", 40)})),
              AllOf(HasSubstr("short.wav"), HasSubstr("too short")));
  const auto pieces = encoder.encode({MediaKind::kAudio, tone("rest.wav", 480'000 + 40)}).value();
  EXPECT_THAT(pieces.blocks, SizeIs(1));
}

TEST_F(MediaTest, WhatIsNoMediaFileIsRefusedByName) {
  MediaEncoder encoder(model().media_model());
  const auto missing = encoder.encode({MediaKind::kImage, dir_ / "no.png"});
  EXPECT_THAT(error_of(missing, ErrorKind::kIo), HasSubstr("no.png"));
  EXPECT_THAT(error_of(encoder.encode({MediaKind::kImage, dir_})), HasSubstr("not a regular file"));
  const fs::path pipe = dir_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(error_of(encoder.encode({MediaKind::kAudio, pipe})), HasSubstr("not a regular file"));
  EXPECT_FALSE(encoder.image_frontend(pipe).ok());
  EXPECT_FALSE(encoder.audio_frontend(pipe).ok());
  EXPECT_THAT(error_of(encoder.encode({MediaKind::kImage, audio(0).path})), HasSubstr("audio0"));
  EXPECT_THAT(error_of(encoder.encode({MediaKind::kAudio, image(0).path}), ErrorKind::kUnsupported),
              HasSubstr("image0"));
  EXPECT_THAT(error_of(encoder.encode({MediaKind::kVideo, image(0).path})), HasSubstr("image0"));
}

TEST_F(MediaTest, APackageWithoutEncodersSaysSo) {
  const std::string checkpoint = (source_dir() / "tests/golden/checkpoints/no_ple").string();
  const fs::path text_only = dir_ / "text_only";
  const Outcome built =
      lapidary({"build", checkpoint, "--recipe", "cpu-fp32", "-o", text_only.string()});
  ASSERT_EQ(built.exit_code, 0) << built.err;
  const runtime::Model reads = open_model(text_only.string());
  MediaEncoder encoder(reads.media_model());
  for (const MediaItem& item : {image(0), audio(0), MediaItem{MediaKind::kVideo, dir_}}) {
    EXPECT_THAT(error_of(encoder.encode(item), ErrorKind::kUnsupported),
                HasSubstr(std::string("no encoder for ") + encoders::name(item.kind)));
    EXPECT_FALSE(runtime::turn_content({"What?", {item}}, reads).ok());
  }
  EXPECT_TRUE(reads.raw_prompt("a literal <|image|> is text here").ok());
}

TEST(TurnContent, MediaComeFirstUnlessTheTextHasTheirPlaces) {
  const auto content = [](const std::string& text, std::vector<MediaItem> media) {
    const auto result = runtime::turn_content({text, std::move(media)}, model());
    return result.ok() ? result->dump() : result.error().message();
  };
  const auto parts = [](std::initializer_list<Json> list) { return Json(list).dump(); };
  EXPECT_EQ(content("Hi", {}), "\"Hi\"");
  EXPECT_EQ(content("Hi", {audio(0), image(0)}),
            parts({text::audio_part(), text::image_part(), text::text_part("Hi")}));
  EXPECT_EQ(content("", {image(0)}), parts({text::image_part()}));
  EXPECT_EQ(content("Is <|image|> like <|image|>?", {image(0), image(1)}),
            "\"Is <|image|> like <|image|>?\"");
  EXPECT_EQ(content("Is it <|image|>?", {audio(0), image(0)}),
            parts({text::audio_part(), text::text_part("Is it <|image|>?")}));
  EXPECT_THAT(content("<|image|> or <|image|>?", {image(0)}), HasSubstr("2 <|image|> for 1"));
  EXPECT_THAT(content("What is <|audio|>?", {image(0)}), HasSubstr("1 <|audio|> for 0"));
}

runtime::Conversation conversation(const engine::DecoderOptions& options = {.max_context = 2048}) {
  return {model(), model().new_decoder(options).value(), ""};
}

// Media of all turns are in each prompt; those before are neither encoded nor run again.
TEST(ConversationMedia, LaterTurnsKeepTheMediaOfEarlierOnes) {
  runtime::Conversation chat = conversation({.max_context = 2048, .rewind_rows = 512});
  const auto first = chat.send({"What is in the picture?", {image(0)}}, greedy());
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_EQ(first->text, "A green star above a red star.");
  const auto held = static_cast<int64_t>(chat.decoder().tokens().size());
  const auto second = chat.send({"Transcribe the audio.", {audio(0)}}, greedy());
  ASSERT_TRUE(second.ok()) << second.error().message();
  EXPECT_EQ(second->timings.reused_tokens, held);

  MediaEncoder encoder(model().media_model());
  const auto media = encoder.encode({image(0), audio(0)}, {}).value();
  Json messages = chat.messages();
  messages.erase(messages.size() - 1);
  const auto prompt = model().chat_prompt(messages, media).value();
  EXPECT_THAT(prompt.blocks, SizeIs(2));
  runtime::Decoder anew = model().new_decoder({.max_context = 2048}).value();
  const auto expected = runtime::generate(anew, model().tokenizer(), prompt, greedy()).value();
  EXPECT_EQ(second->tokens, expected.tokens);
}

// The same question about another image has the same ids: it must not get the first one's answer.
TEST(ConversationMedia, AClearedChatLooksAtTheNewImage) {
  runtime::Conversation chat = conversation();
  const std::string question = "What is in the picture?";
  ASSERT_TRUE(chat.send({question, {image(0)}}, greedy()).ok());
  chat.clear();
  const auto other = chat.send({question, {image(7)}}, greedy()).value();
  EXPECT_EQ(other.text, "A green circle.");
  chat.clear();
  const auto again = chat.send({question, {image(0)}}, greedy()).value();
  EXPECT_EQ(again.text, "A green star above a red star.");
  EXPECT_TRUE(chat.media_encoder().encode(image(7)).value().cached);
}

TEST(ConversationMedia, ATurnThatFailsLeavesNoMediaBehind) {
  runtime::Conversation chat = conversation({.max_context = 300});
  ASSERT_TRUE(chat.send({"What is in the picture?", {image(0)}}, greedy()).ok());
  const Json before = chat.messages();
  EXPECT_FALSE(chat.send({"And here?", {image(1), {MediaKind::kImage, "no.png"}}}, greedy()).ok());
  EXPECT_FALSE(chat.send({"Is <|image|> alike?", {}}, greedy()).ok());
  const auto too_much =
      chat.send({"And here?", {image(1), image(2), image(3), image(4)}}, greedy());
  ASSERT_FALSE(too_much.ok());
  EXPECT_THAT(too_much.error().message(), HasSubstr("300"));
  EXPECT_EQ(chat.messages(), before);
  const auto next = chat.send({"Transcribe the audio.", {audio(4)}}, greedy());
  EXPECT_TRUE(next.ok()) << next.error().message() << ": media of refused turns were counted";
}

}  // namespace
}  // namespace lapidary::e2e
