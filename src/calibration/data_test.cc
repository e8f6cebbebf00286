#include "calibration/data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/testing/source_dir.h"
#include "calibration/chat_media.h"

namespace lapidary::calibration {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Path = std::filesystem::path;
using Ids = std::vector<int32_t>;

const Path kTiny = source_dir() / "models/tiny-gemma4/checkpoint";
constexpr int32_t kBos = 2;

class CalibrationData : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = Path(testing::TempDir()) /
              ("calibration_data_" + std::to_string(getpid()) + "_" + test->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  static DataConfig of(std::vector<Path> files) {
    DataConfig config;
    config.files = std::move(files);
    return config;
  }
  Ids ids(const std::string& text) const { return tokenizer_.encode(text, false).value(); }
  // The sequences of a text, or the error's.
  std::vector<Ids> load(const DataConfig& config) const {
    const auto loaded = reader_.load(config);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message();
    std::vector<Ids> out;
    if (!loaded.ok()) return out;
    for (const Sequence& each : *loaded) out.push_back(each.ids);
    return out;
  }
  std::string error_of(const DataConfig& config) const {
    const auto loaded = reader_.load(config);
    return loaded.ok() ? "no error" : loaded.error().message();
  }

  Path folder_;
  // With images, and without sound.
  static package::Manifest model() {
    package::Manifest out;
    out.vision.emplace();
    out.vision->image_token_id = 19;
    out.vision->boi_token_id = 17;
    out.vision->eoi_token_id = 21;
    return out;
  }

  DataReader reader_ = DataReader::open(kTiny, model()).value();
  text::Tokenizer tokenizer_ = text::Tokenizer::load(kTiny / "tokenizer.json").value();
};

Ids with_bos(Ids ids) {
  ids.insert(ids.begin(), kBos);
  return ids;
}

TEST_F(CalibrationData, LinesAreDocuments) {
  const Path file = write("a.txt", "Tom has a kite.\r\n\n  \nA dog barks.");
  EXPECT_THAT(load(of({file})),
              ElementsAre(with_bos(ids("Tom has a kite.")), with_bos(ids("A dog barks."))));
  DataConfig plain = of({file});
  plain.add_special_tokens = false;
  plain.max_seq_len = 3;
  const Ids first = ids("Tom has a kite.");
  EXPECT_EQ(load(plain)[0], Ids(first.begin(), first.begin() + 3));
}

// Nothing of the file is lost, and each sequence begins with <bos>.
TEST_F(CalibrationData, JoinedFileIsOneDocument) {
  const std::string text = "Tom has a kite.\nA dog barks.\n";
  DataConfig config = of({write("a.txt", text)});
  config.strategy = Strategy::kJoin;
  EXPECT_THAT(load(config), ElementsAre(with_bos(ids(text))));
  config.max_seq_len = 4;
  Ids all;
  for (const Ids& each : load(config)) {
    ASSERT_LE(each.size(), 4U);
    EXPECT_EQ(each[0], kBos);
    all.insert(all.end(), each.begin() + 1, each.end());
  }
  EXPECT_EQ(all, ids(text));
}

TEST_F(CalibrationData, ChatsAreRenderedByTheTemplate) {
  const Path file = write(
      "a.jsonl",
      R"({"messages": [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Hi."}]})"
      "\n"
      R"([{"role": "system", "content": [{"type": "text", "text": "Be kind."}]}, {"role": "user", "content": "Hello!"}])"
      "\n");
  EXPECT_THAT(
      load(of({file})),
      ElementsAre(
          ids("<bos><|turn>user\nHello!<turn|>\n<|turn>model\nHi.<turn|>\n"),
          ids("<bos><|turn>system\nBe kind.<turn|>\n<|turn>user\nHello!<turn|>\n<|turn>model\n")));
}

// Over all files together, from the beginning to the end.
TEST_F(CalibrationData, SamplesAreSpreadEvenly) {
  std::string first;
  std::string second;
  for (int i = 0; i < 6; ++i) first += std::to_string(i) + "\n";
  for (int i = 6; i < 9; ++i) second += std::to_string(i) + "\n";
  DataConfig config = of({write("a.txt", first), write("b.txt", second)});
  config.max_samples = 3;
  EXPECT_THAT(load(config),
              ElementsAre(with_bos(ids("2")), with_bos(ids("5")), with_bos(ids("8"))));
  config.max_samples = 9;
  EXPECT_EQ(load(config).size(), 9U);
  config.max_samples = 100;
  EXPECT_EQ(load(config).size(), 9U);
}

TEST_F(CalibrationData, BadFilesAreNamed) {
  EXPECT_THAT(error_of(of({folder_ / "gone.txt"})), HasSubstr("gone.txt"));
  EXPECT_THAT(error_of(of({write("empty.txt", "")})), HasSubstr("empty.txt"));
  EXPECT_THAT(error_of(of({write("blank.jsonl", "\n \n")})), HasSubstr("is empty"));
  EXPECT_THAT(error_of(of({write("a.csv", "x")})), HasSubstr("neither .txt nor .jsonl"));
  EXPECT_THAT(error_of(of({write("bad.txt", "good\n\xff\xfe\n")})),
              AllOf(HasSubstr("bad.txt:2"), HasSubstr("UTF-8")));
  std::filesystem::create_directories(folder_ / "dir.txt");
  EXPECT_THAT(error_of(of({folder_ / "dir.txt"})), HasSubstr("dir.txt"));
}

TEST_F(CalibrationData, BadChatsAreNamedByLine) {
  const auto second_line = [&](const std::string& line) {
    return error_of(of({write("c.jsonl", R"([{"role": "user", "content": "Hi"}])"
                                         "\n" +
                                             line)}));
  };
  for (const char* line : {"{", "3", "[]", R"({"text": "no chat"})", R"([3])", R"([{"role": 1}])",
                           R"({"messages": {"role": "user"}})"}) {
    EXPECT_THAT(second_line(line), HasSubstr("c.jsonl:2")) << line;
  }
  EXPECT_THAT(second_line(R"([{"role": "user", "content": [{"type": "image"}]}])"),
              AllOf(HasSubstr("c.jsonl:2"), HasSubstr("names no file")));
}

std::string chat_about(const std::string& part) {
  return R"([{"role": "user", "content": [)" + part + R"(, {"type": "text", "text": "Hi"}]}])";
}

// Paths are relative to the file; what stands for the image is the model's placeholder.
TEST_F(CalibrationData, MediaOfChatsAreNamedByTheirParts) {
  std::filesystem::create_directories(folder_ / "media");
  const Path image = folder_ / "media/0.png";
  std::filesystem::copy_file(kTiny.parent_path() / "samples/image0.png", image);
  std::string lines;
  for (const char* key : {"path", "image", "url"}) {
    lines +=
        chat_about(std::string(R"({"type": "image", ")") + key + R"(": "media/0.png"})") + "\n";
  }
  const auto loaded = reader_.load(of({write("m.jsonl", lines)}));
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  ASSERT_EQ(loaded->size(), 3U);
  for (const Sequence& each : *loaded) {
    ASSERT_EQ(each.media.size(), 1U);
    EXPECT_EQ(each.media[0].path, image);
    EXPECT_EQ(each.media[0].kind, encoders::MediaKind::kImage);
    EXPECT_THAT(each.text, HasSubstr("<|image|>"));
    EXPECT_TRUE(each.ids.empty());
  }
  EXPECT_THAT(loaded->at(1).where, HasSubstr("m.jsonl:2"));
}

TEST_F(CalibrationData, BadMediaAreNamedByLine) {
  write("not.png", "no picture at all");
  write("photo.gif", "GIF89a and so on");
  const auto error = [&](const std::string& part) {
    return error_of(of({write("m.jsonl", chat_about(part))}));
  };
  const struct {
    const char* part;
    const char* said;
  } cases[] = {
      {R"({"type": "image", "path": "gone.png"})", "gone.png: does not exist"},
      {R"({"type": "image", "path": "not.png"})", "is no image"},
      {R"({"type": "image", "path": "photo.gif"})", "GIF"},
      {R"({"type": "image", "path": "."})", "not a regular file"},
      {R"({"type": "image", "path": 3})", "no file name"},
      {R"({"type": "image", "base64": "AAAA"})", "base64"},
      {R"({"type": "image", "url": "https://x.org/a.png"})", "nothing is fetched"},
      {R"({"type": "picture", "path": "not.png"})", "type 'picture'"},
      {R"({"path": "not.png"})", "no type"},
      {R"("not.png")", "no type"},
      {R"({"type": "text"})", "no text"},
      {R"({"type": "audio", "path": "not.png"})", "not.png"},
      {R"({"type": "video", "path": "not.png"})", "folder of frames"},
      {R"({"type": "text", "text": "<|image|>"})", "1 <|image|> for 0 image files"},
  };
  for (const auto& each : cases) {
    EXPECT_THAT(error(each.part), AllOf(HasSubstr("m.jsonl:1"), HasSubstr(each.said))) << each.part;
  }
  std::filesystem::copy_file(kTiny.parent_path() / "samples/audio0.wav", folder_ / "a.wav");
  EXPECT_THAT(error(R"({"type": "audio", "path": "a.wav"})"),
              AllOf(HasSubstr("m.jsonl:1"), HasSubstr("the model takes no audio files")));
  std::string many = R"({"type": "video", "path": "."})";
  for (size_t i = 0; i < kMostMediaOfChat; ++i) many += R"(, {"type": "video", "path": "."})";
  EXPECT_THAT(error(many), HasSubstr("more than 256 files"));
}

// A document with the text of a special token would ask for soft tokens that nobody has.
TEST_F(CalibrationData, PlaceholdersInDocumentsAreErrors) {
  EXPECT_THAT(error_of(of({write("a.txt", "One.\nSee <|image|> here.")})),
              AllOf(HasSubstr("a.txt:2"), HasSubstr("for 0 image files")));
}

TEST_F(CalibrationData, TemplateThatRefusesOrIsMissing) {
  const Path file = write("c.jsonl", R"([{"role": "user", "content": "Hi"}])");
  auto refusing = text::ChatTemplate::parse("{{ raise_exception('no users here') }}",
                                            Json::object(), "template");
  ASSERT_TRUE(refusing.ok());
  const auto refused = DataReader(tokenizer_, *std::move(refusing), kBos).load(of({file}));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("c.jsonl:1"), HasSubstr("no users here")));
  const auto without = DataReader(tokenizer_, std::nullopt, kBos).load(of({file}));
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.error().message(), HasSubstr("no chat template"));
}

TEST_F(CalibrationData, DataSetOfTheHubIsRefusedWithARemedy) {
  DataConfig config;
  config.name = "wikitext2_train_act";
  config.dataset = "wikitext";
  const auto loaded = reader_.load(config);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(loaded.error().message(),
              AllOf(HasSubstr("wikitext2_train_act"), HasSubstr("--calibration")));
}

}  // namespace
}  // namespace lapidary::calibration
