#include "package/quality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/test_files.h"

namespace lapidary::package {
namespace {

using checkpoint::TempDir;

Manifest sample() {
  Manifest out;
  out.format_version = 3;
  out.recipe = Json::object();
  out.text.vocab_size = 8;
  out.text.hidden_size = 4;
  out.text.max_positions = 16;
  out.quality = {{"perplexity", "a.txt (xxh3 1)", "cpu", 7, 1.5}};
  return out;
}

std::vector<std::string> described(const Manifest& manifest) {
  std::vector<std::string> out;
  for (const QualityFigure& f : manifest.quality) {
    out.push_back(f.measure + " " + f.data + " " + f.device + " " + std::to_string(f.count) + " " +
                  std::to_string(f.value));
  }
  return out;
}

// Measured again: one figure holds, the later. Other data and other devices are other figures.
TEST(RecordQuality, ReplacesTheSameFigureOnly) {
  const TempDir dir;
  dir.write(kManifestFile, to_json(sample()));
  const std::vector<QualityFigure> figures = {
      {"perplexity", "a.txt (xxh3 1)", "cpu", 8, 1.25},
      {"perplexity", "a.txt (xxh3 2)", "cpu", 8, 1.0},
      {"perplexity", "a.txt (xxh3 1)", "htp-emulated v81 (SM8850)", 8, 2.0},
      {"word_error_rate", "a.txt (xxh3 1)", "cpu", 8, 0.0}};
  ASSERT_TRUE(record_quality(dir.path(), figures).ok());
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_THAT(described(*read),
              testing::ElementsAre("perplexity a.txt (xxh3 1) cpu 8 1.250000",
                                   "perplexity a.txt (xxh3 2) cpu 8 1.000000",
                                   "perplexity a.txt (xxh3 1) htp-emulated v81 (SM8850) 8 2.000000",
                                   "word_error_rate a.txt (xxh3 1) cpu 8 0.000000"));
  EXPECT_EQ(read->format_version, kFormatVersion) << "older programs refuse what they cannot read";
  EXPECT_EQ(read->text.vocab_size, 8);
}

TEST(RecordQuality, SaysWhenThereIsNoPackage) {
  const TempDir dir;
  EXPECT_THAT(record_quality(dir.path(), {}).error().message(),
              testing::HasSubstr("lapidary.json: is missing"));
}

}  // namespace
}  // namespace lapidary::package
