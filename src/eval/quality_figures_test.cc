#include "eval/quality_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace lapidary::eval {
namespace {

// Two files of one name, and two lengths of one file, are other data.
TEST(QualityFigures, DataIsNamedByContentAndLength) {
  const auto file = std::filesystem::path(testing::TempDir()) /
                    ("quality_figures_" + std::to_string(getpid()) + ".txt");
  const auto named = [&](const char* content, std::optional<size_t> first) {
    std::ofstream(file) << content;
    return data_name(file, first).value();
  };
  const std::string whole = named("one", std::nullopt);
  EXPECT_THAT(whole, testing::StartsWith(file.filename().string() + " (xxh3 "));
  EXPECT_NE(whole, named("two", std::nullopt));
  EXPECT_NE(whole, named("one", 4));
  EXPECT_THAT(named("one", 4), testing::HasSubstr(".txt, first 4 (xxh3 "));
  std::filesystem::remove(file);
  EXPECT_FALSE(data_name(file, std::nullopt).ok());
}

TEST(QualityFigures, OnlyWhatWasMeasured) {
  MediaEval result;
  EXPECT_TRUE(quality_figures(result, "d", "cpu").empty());
  result.images.items = 4;
  result.images.exact = 3;
  auto figures = quality_figures(result, "d", "cpu");
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_EQ(figures[0].measure, "caption_exact_match");
  EXPECT_EQ(figures[0].count, 4);
  EXPECT_EQ(figures[0].value, 0.75);
  result.audio.items = 2;
  result.audio.exact = 1;
  result.audio.words = {.errors = 1, .reference_words = 8};
  figures = quality_figures(result, "d", "cpu");
  ASSERT_EQ(figures.size(), 3U);
  EXPECT_EQ(figures[1].measure, "transcript_exact_match");
  EXPECT_EQ(figures[1].value, 0.5);
  EXPECT_EQ(figures[2].measure, "word_error_rate");
  EXPECT_EQ(figures[2].value, 0.125);
  EXPECT_EQ(figures[2].device, "cpu");
}

}  // namespace
}  // namespace lapidary::eval
