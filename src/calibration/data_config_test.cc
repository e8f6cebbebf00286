#include "calibration/data_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::calibration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Path = std::filesystem::path;

Result<DataConfig> read(const std::string& json) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(json, "recipe.json"));
  JsonReader root = document.root();
  DataConfig config = read_data_config(root, "/recipes");
  LAP_RETURN_IF_ERROR(document.finish());
  return config;
}

std::string error_of(const std::string& json) {
  const auto config = read(json);
  return config.ok() ? "no error" : config.error().message();
}

TEST(DataConfig, FilesAreRelativeToTheRecipe) {
  const auto config = read(R"({
    "name": "mine", "type": "HuggingfaceContainer",
    "load_dataset_config": {"data_name": "text", "data_files": ["a.txt", "/b/c.jsonl"]},
    "pre_process_data_config": {"strategy": "join", "max_samples": 8, "max_seq_len": 64,
                                "add_special_tokens": false}})");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->name, "mine");
  EXPECT_THAT(config->files, ElementsAre(Path("/recipes/a.txt"), Path("/b/c.jsonl")));
  EXPECT_EQ(config->strategy, Strategy::kJoin);
  EXPECT_EQ(config->max_samples, 8);
  EXPECT_EQ(config->max_seq_len, 64);
  EXPECT_FALSE(config->add_special_tokens);
}

TEST(DataConfig, OtherSpellingsOfOlive) {
  const auto one = read(R"({"name": "d", "load_dataset_config":
      {"params": {"data_name": "json", "data_files": "a.jsonl", "split": "train"}}})");
  ASSERT_TRUE(one.ok()) << one.error().message();
  EXPECT_THAT(one->files, ElementsAre(Path("/recipes/a.jsonl")));
  EXPECT_EQ(one->strategy, Strategy::kLineByLine);
  EXPECT_TRUE(one->add_special_tokens);
  const auto splits = read(R"({"name": "d", "load_dataset_config":
      {"data_name": "text", "data_files": {"train": ["a.txt"], "test": "b.txt"}}})");
  ASSERT_TRUE(splits.ok()) << splits.error().message();
  EXPECT_THAT(splits->files, ElementsAre(Path("/recipes/a.txt"), Path("/recipes/b.txt")));
}

// Reading it is fine, since no pass may want it.
TEST(DataConfig, DataSetOfTheHubIsRead) {
  const auto config = read(R"({
    "name": "wikitext2_train_act", "type": "HuggingfaceContainer",
    "load_dataset_config": {"data_name": "wikitext", "subset": "wikitext-2-raw-v1",
                            "split": "train"},
    "pre_process_data_config": {"strategy": "line-by-line", "add_special_tokens": true,
                                "max_samples": 256, "max_seq_len": 4096}})");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->dataset, "wikitext");
  EXPECT_TRUE(config->files.empty());
}

TEST(DataConfig, BadEntriesAreNamed) {
  EXPECT_THAT(error_of("{}"), HasSubstr("'name'"));
  EXPECT_THAT(error_of(R"({"name": "d"})"), HasSubstr("load_dataset_config"));
  EXPECT_THAT(error_of(R"({"name": "d", "type": "DummyDataContainer",
                           "load_dataset_config": {"data_name": "wikitext"}})"),
              HasSubstr("DummyDataContainer"));
  EXPECT_THAT(error_of(R"({"name": "d", "load_dataset_config": {"data_name": "text"}})"),
              HasSubstr("data_files"));
  EXPECT_THAT(error_of(R"({"name": "d", "load_dataset_config":
                           {"data_name": "text", "data_files": [1]}})"),
              HasSubstr("data_files"));
  EXPECT_THAT(error_of(R"({"name": "d", "load_dataset_config":
                           {"data_name": "wikitext", "data_files": "a.txt"}})"),
              HasSubstr("wikitext"));
  const std::string head =
      R"({"name": "d", "load_dataset_config": {"data_name": "text", "data_files": "a.txt"}, )";
  EXPECT_THAT(error_of(head + R"("pre_process_data_config": {"strategy": "random"}})"),
              HasSubstr("random"));
  EXPECT_THAT(error_of(head + R"("pre_process_data_config": {"max_samples": 0}})"),
              HasSubstr("max_samples"));
  EXPECT_THAT(error_of(head + R"("pre_process_data_config": {"max_sample": 3}})"),
              HasSubstr("max_sample"));
  EXPECT_THAT(error_of(head + R"("user_script": "x.py"})"), HasSubstr("user_script"));
  EXPECT_THAT(error_of(head + R"("whatever": 1})"), HasSubstr("whatever"));
}

}  // namespace
}  // namespace lapidary::calibration
