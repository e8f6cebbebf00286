#include "build/calibration_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/testing/source_dir.h"

namespace lapidary::build {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Path = std::filesystem::path;

const Path kTiny = source_dir() / "models/tiny-gemma4";
const Path kChats = kTiny / "corpus/chats.jsonl";

class CalibrationDataTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = Path(testing::TempDir()) / ("calibration_data_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    recipe_.where = "recipe.json";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<CalibrationData> load(const std::vector<Path>& files) const {
    return CalibrationData::load(recipe_, checkpoint_, files);
  }
  std::string error_for(const std::vector<Path>& files, const std::string& component) const {
    const auto data = load(files);
    if (!data.ok()) return data.error().message();
    const Status status = data->check_for(std::vector<std::string>{component});
    return status.ok() ? "no error" : status.error().message();
  }

  Path folder_;
  recipe::Recipe recipe_;
  checkpoint::Checkpoint checkpoint_ = checkpoint::Checkpoint::open(kTiny / "checkpoint").value();
};

// What ships with the tiny model shows every component something.
TEST_F(CalibrationDataTest, EncodersNeedTheirMedia) {
  const Path media = kTiny / "corpus/chats_media.jsonl";
  for (const char* component : {"vision_encoder", "audio_encoder", "decoder"}) {
    EXPECT_EQ(error_for({kChats, media}, component), "no error");
  }
  EXPECT_EQ(error_for({kChats}, "decoder"), "no error");
  EXPECT_THAT(error_for({kChats}, "vision_encoder"),
              AllOf(HasSubstr("vision_encoder"), HasSubstr("no image"), HasSubstr(".jsonl")));
  EXPECT_THAT(error_for({kChats}, "audio_encoder"),
              AllOf(HasSubstr("audio_encoder"), HasSubstr("no clip")));
}

TEST_F(CalibrationDataTest, PassesNameTheirData) {
  recipe_.data_configs.resize(2);
  recipe_.data_configs[0].name = "texts";
  recipe_.data_configs[0].files = {kTiny / "corpus/calibration.txt"};
  recipe_.data_configs[1].name = "chats";
  recipe_.data_configs[1].files = {kChats};
  const auto data = load({});
  ASSERT_TRUE(data.ok()) << data.error().message();
  EXPECT_EQ(data->sequences("texts")->size(), 200U);
  EXPECT_EQ(data->sequences("chats")->size(), 80U);
  EXPECT_EQ(data->sequences("")->size(), 280U);
  const auto missing = data->sequences("pictures");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), AllOf(HasSubstr("recipe.json"), HasSubstr("'pictures'")));
  // --calibration stands for all of them.
  const auto given = load({kChats});
  ASSERT_TRUE(given.ok());
  EXPECT_EQ(given->sequences("texts")->size(), 80U);
}

TEST_F(CalibrationDataTest, NothingToCalibrateWith) {
  const auto data = load({});
  ASSERT_FALSE(data.ok());
  EXPECT_THAT(data.error().message(), AllOf(HasSubstr("recipe.json"), HasSubstr("--calibration")));
}

// Ranges that were found with another picture must not be taken for these.
TEST_F(CalibrationDataTest, KeyCoversTheFilesThatChatsName) {
  const Path chats = folder_ / "m.jsonl";
  std::ofstream(chats) << R"([{"role": "user", "content": [{"type": "image", "path": "a.png"}]}])";
  const auto key = [&](const char* image) {
    std::filesystem::copy_file(kTiny / "samples" / image, folder_ / "a.png",
                               std::filesystem::copy_options::overwrite_existing);
    const auto data = load({chats});
    EXPECT_TRUE(data.ok()) << data.error().message();
    return data.ok() ? data->key(nullptr).value() : "";
  };
  const std::string first = key("image0.png");
  EXPECT_NE(key("image1.png"), first);
  EXPECT_EQ(key("image0.png"), first);
}

// Equal data in folders of other names makes equal packages: a key that follows the order of paths
// would tell one machine from another.
TEST_F(CalibrationDataTest, KeyDoesNotDependOnWhereMediaLie) {
  const auto key =
      [&](const char* first, const char* second) {
        std::vector<Path> chats;
        for (const auto& [name, image] : {std::pair(first, "image0.png"), {second, "image1.png"}}) {
          const Path folder = folder_ / name;
          std::filesystem::create_directories(folder);
          std::filesystem::copy_file(kTiny / "samples" / image, folder / "i.png",
                                     std::filesystem::copy_options::overwrite_existing);
          chats.push_back(folder / "chats.jsonl");
          std::ofstream(chats.back())
              << R"([{"role": "user", "content": [{"type": "image", "path": "i.png"}]}])";
        }
        const auto data = load(chats);
        EXPECT_TRUE(data.ok()) << data.error().message();
        return data.ok() ? data->key(nullptr).value() : "";
      };
  EXPECT_EQ(key("p", "q"), key("q", "p"));
}

// A text or a clip may be large: hashing it can be ended.
TEST_F(CalibrationDataTest, KeyCanBeEnded) {
  CancelToken cancel;
  cancel.cancel();
  const auto data = load({kChats});
  ASSERT_TRUE(data.ok()) << data.error().message();
  const auto key = data->key(&cancel);
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(key.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace lapidary::build
