// `lapidary run` and `lapidary chat` with images, sound and video, against what Hugging Face
// generated: models/tiny-gemma4/samples, and tests/golden/media/prompts.json for prompts that mix
// several (tests/oracle/make_media_prompt_goldens.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/json.h"
#include "base/testing/source_dir.h"
#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<Json> media_samples() {
  auto json = load_json(tiny("samples/expected.json"));
  EXPECT_TRUE(json.ok());
  std::vector<Json> samples;
  for (const Json& sample : (*json)["samples"]) {
    if (sample["kind"] == "image" || sample["kind"] == "audio") samples.push_back(sample);
  }
  return samples;
}

std::string golden(const std::string& path) {
  return (source_dir() / "tests/golden/media" / path).string();
}

Json goldens(const char* list) {
  auto json = load_json(golden("prompts.json"));
  EXPECT_TRUE(json.ok());
  return json.ok() ? (*json)[list] : Json::array();
}

// SAMPLES/ and VIDEO in a word of the goldens.
std::string placed(std::string word) {
  if (word == "VIDEO") return golden("video");
  const size_t at = word.find("SAMPLES/");
  return at == std::string::npos ? word : word.replace(at, 7, tiny("samples"));
}

Json run_json(std::vector<std::string> words) {
  words.insert(words.begin(), "run");
  words.emplace_back("--greedy");
  words.emplace_back("--json");
  const Outcome outcome = lapidary(words);
  EXPECT_THAT(outcome.err, IsEmpty());
  return json_of(outcome);
}

std::vector<std::string> command(const Json& sample, const std::string& recipe) {
  return {package(recipe), sample["question"], "--" + sample["kind"].get<std::string>(),
          tiny("samples/" + sample["file"].get<std::string>())};
}

TEST(RunMedia, EverySampleEqualsHuggingFaceTokenForToken) {
  const auto samples = media_samples();
  ASSERT_EQ(samples.size(), 16u);
  for (const Json& sample : samples) {
    SCOPED_TRACE(sample["id"].get<std::string>());
    const Json reply = run_json(command(sample, "cpu-fp32"));
    EXPECT_EQ(reply["prompt_tokens"], sample["input_ids"]);
    EXPECT_EQ(reply["tokens"], sample["output_ids"]);
    EXPECT_EQ(reply["text"], sample["output_text"]);
  }
}

TEST(RunMedia, Int4AnswersTheSureQuestionsAlike) {
  for (const char* recipe : {"cpu-int4", "olive-cpu-int4"}) {
    int sure = 0;
    for (const Json& sample : media_samples()) {
      if (sample["min_margin"].get<double>() < 3.0) continue;
      ++sure;
      SCOPED_TRACE(std::string(recipe) + " " + sample["id"].get<std::string>());
      EXPECT_EQ(run_json(command(sample, recipe))["text"], sample["output_text"]);
    }
    EXPECT_GE(sure, 12);
  }
}

// Catches files sorted by kind instead of taken in the order of the command line, soft tokens at
// another block's place, and per-layer inputs of the wrong token under them.
TEST(RunMedia, MixedPromptsEqualHuggingFace) {
  const Json cases = goldens("run");
  ASSERT_GE(cases.size(), 9u);
  for (const Json& row : cases) {
    SCOPED_TRACE(row["name"].get<std::string>());
    std::vector<std::string> words = {package("cpu-fp32"), row["prompt"], "--max-tokens", "40"};
    for (const Json& word : row["options"]) words.push_back(placed(word));
    const Json reply = run_json(words);
    EXPECT_EQ(reply["prompt_tokens"], row["input_ids"]);
    EXPECT_EQ(reply["tokens"], row["output_ids"]);
  }
}

// Options before, between and after the package and the prompt, and in the form --image=FILE.
TEST(RunMedia, OrderIsThatOfTheCommandLineWhereverTheOptionsStand) {
  const Json cases = goldens("run");
  const auto found = std::find_if(cases.begin(), cases.end(), [](const Json& row) {
    return row["name"] == "image_audio_image";
  });
  ASSERT_NE(found, cases.end());
  const Json& row = *found;
  const auto sample = [](const char* name) { return tiny(std::string("samples/") + name); };
  const Json reply =
      run_json({"--image=" + sample("image7.png"), package("cpu-fp32"), "--audio",
                sample("audio0.wav"), row["prompt"], "--image", sample("image2.png")});
  EXPECT_EQ(reply["prompt_tokens"], row["input_ids"]);
  EXPECT_EQ(reply["tokens"], row["output_ids"]);
}

// Catches a chunk border inside an image that reads the wrong soft tokens.
TEST(RunMedia, ChunkedPromptsGiveTheSameReply) {
  for (const Json& sample : media_samples()) {
    if (sample["id"] != "image4" && sample["id"] != "audio5") continue;
    for (const char* chunk : {"1", "7", "33"}) {
      SCOPED_TRACE(sample["id"].get<std::string>() + " in chunks of " + chunk);
      auto words = command(sample, "cpu-fp32");
      words.insert(words.end(), {"--chunk", chunk});
      EXPECT_EQ(run_json(words)["tokens"], sample["output_ids"]);
    }
  }
}

TEST(RunMedia, StatsAndJsonTellTheEncodersTimes) {
  const std::string image = tiny("samples/image6.png");
  const std::string audio = tiny("samples/audio2.wav");
  const Json reply = run_json({package("cpu-fp32"), "What is in the picture?", "--image", image,
                               "--audio", audio, "--image", image});
  ASSERT_EQ(reply["media"].size(), 3u);
  EXPECT_EQ(reply["media"][0]["kind"], "image");
  EXPECT_EQ(reply["media"][1]["kind"], "audio");
  EXPECT_EQ(reply["media"][1]["file"], audio);
  EXPECT_GT(reply["media"][0]["soft_tokens"].get<int>(), 40);
  EXPECT_GT(reply["media"][0]["timings"]["encoder_seconds"].get<double>(), 0);
  // The same content again costs nothing.
  EXPECT_EQ(reply["media"][0]["cached"], false);
  EXPECT_EQ(reply["media"][2]["cached"], true);
  const Outcome outcome = lapidary({"run", package("cpu-fp32"), "What is in the picture?",
                                    "--image", image, "--greedy", "--stats"});
  EXPECT_EQ(outcome.out, "A yellow circle.\n");
  EXPECT_THAT(outcome.err, HasSubstr("soft tokens"));
  EXPECT_THAT(outcome.err, HasSubstr(image));
}

TEST(ChatMedia, TurnsWithMediaEqualHuggingFace) {
  std::string input;
  std::string replies;
  const Json turns = goldens("chat");
  ASSERT_EQ(turns.size(), 3u);
  for (const Json& turn : turns) {
    input += placed(turn["line"]) + "\n" + turn["question"].get<std::string>() + "\n";
    replies += turn["output_text"].get<std::string>() + "\n";
  }
  const Outcome outcome = lapidary({"chat", package("cpu-fp32"), "--greedy"}, {.input = input});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, IsEmpty());
  std::string said;  // what stands after a prompt and is no line about an attachment
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    while (line.starts_with("> ")) line.erase(0, 2);
    if (!line.empty() && line.find("soft tokens") == std::string::npos) said += line + "\n";
  }
  EXPECT_EQ(said, replies);
}

TEST(ChatMedia, MediaListsWhatGoesWithTheNextMessage) {
  const std::string input = "/media\n/image " + tiny("samples/image6.png") + "\n/audio " +
                            tiny("samples/audio2.wav") +
                            "\n/media\nTranscribe the audio.\n/media\n/stats\n";
  const Outcome outcome = lapidary({"chat", package("cpu-fp32"), "--greedy"}, {.input = input});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, ::testing::MatchesRegex("> nothing is attached\n"
                                                   "> image .*image6.png: [0-9]+ soft tokens\n"
                                                   "> audio .*audio2.wav: [0-9]+ soft tokens\n"
                                                   "> image .*image6.png: [0-9]+ soft tokens\n"
                                                   "audio .*audio2.wav: [0-9]+ soft tokens\n"
                                                   "> zero nine\n"
                                                   "> nothing is attached\n"
                                                   "> image .*soft tokens, decoded in.*\n> \n"));
}

// A bad file is told at once and the chat goes on; what was attached before stays.
TEST(ChatMedia, BadFilesAreReportedAndTheChatGoesOn) {
  const std::string input = "/image " + tiny("samples/image6.png") +
                            "\n/image /nowhere/fox.png\n/audio " + tiny("samples/image0.png") +
                            "\n/image\n/imagine\n/video " + tiny("samples/image0.png") +
                            "\nWhat is in the picture?\n";
  const Outcome outcome = lapidary({"chat", package("cpu-fp32"), "--greedy"}, {.input = input});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("/nowhere/fox.png"));
  EXPECT_THAT(outcome.err, HasSubstr("samples/image0.png"));
  EXPECT_THAT(outcome.err, HasSubstr("/image: needs the name of a file"));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 4) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("unknown command /imagine"));
  EXPECT_THAT(outcome.out, HasSubstr("A yellow circle.\n"));
}

// A name may hold spaces; ~ is the home folder; /reset drops what is attached.
TEST(ChatMedia, NamesWithSpacesAndHome) {
  const fs::path home = fs::path(testing::TempDir()) / ("home " + std::to_string(getpid()));
  fs::create_directories(home / "my photos");
  fs::copy_file(tiny("samples/image6.png"), home / "my photos/a  circle.jpg");
  const char* const old = std::getenv("HOME");
  const std::string before = old == nullptr ? "" : old;
  setenv("HOME", home.c_str(), 1);
  const Outcome outcome =
      lapidary({"chat", package("cpu-fp32"), "--greedy"},
               {.input = "/image   ~/my photos/a  circle.jpg \nWhat is in the picture?\n/image " +
                         (home / "my photos/a  circle.jpg").string() + "\n/reset\n/media\n"});
  setenv("HOME", before.c_str(), 1);
  fs::remove_all(home);
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(outcome.out, HasSubstr("A yellow circle.\n"));
  EXPECT_THAT(outcome.out, HasSubstr("> > nothing is attached\n"));
}

// Placeholders that do not fit the files: the chat goes on, and so does what is attached.
TEST(ChatMedia, PlaceholdersThatDoNotFitAreReported) {
  const std::string input = "/image " + tiny("samples/image6.png") +
                            "\nCompare <|image|> and <|image|>.\nWhat is in the picture?\n";
  const Outcome outcome = lapidary({"chat", package("cpu-fp32"), "--greedy"}, {.input = input});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("<|image|>"));
  EXPECT_THAT(outcome.out, HasSubstr("A yellow circle.\n"));
}

}  // namespace
}  // namespace lapidary::e2e
