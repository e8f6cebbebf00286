// `lapidary cache`: what is kept from build to build, shown and removed.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/cache_folder.h"
#include "checkpoint/test_files.h"
#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string key(int number) { return fmt::format("{:032x}", number); }

class CacheCommand : public testing::Test {
 protected:
  // Three entries, a leftover and a file of somebody's.
  void SetUp() override {
    fs::create_directories(dir_.path() / "made");
    dir_.write("made/context.bin", std::string(1000, 'b'));
    const auto cache = CacheFolder::open(folder());
    ASSERT_TRUE(cache.ok()) << cache.error().message();
    for (const int number : {1, 2}) {
      ASSERT_TRUE(cache->store(CacheKind::kContext, key(number), dir_.path() / "made").ok());
    }
    ASSERT_TRUE(cache->store_text(CacheKind::kProbe, key(3), "{}").ok());
    fs::create_directories(fs::path(folder()) / "contexts" / (key(4) + ".1.0.partial"));
    dir_.write("cache/letter.txt", std::string("dear"));
  }
  std::string folder() const { return (dir_.path() / "cache").string(); }
  Outcome cache(std::vector<std::string> words) const {
    words.insert(words.begin(), "cache");
    words.insert(words.end(), {"--cache", folder()});
    return lapidary(words);
  }

  checkpoint::TempDir dir_;
};

TEST_F(CacheCommand, ShowsWhatIsThere) {
  const Outcome text = cache({});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* part : {"of at most 20.0 GB", "contexts  2", "probes    1", "unfinished: 1",
                           "not of Lapidary: 1"}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
  EXPECT_THAT(text.out, HasSubstr(folder()));
  EXPECT_THAT(cache({"show", "--entries"}).out, HasSubstr(key(2)));
  const Json json = json_of(cache({"--json"}));
  EXPECT_EQ(json["folder"], folder());
  EXPECT_EQ(json["max_bytes"], 20'000'000'000);
  ASSERT_EQ(json["entries"].size(), 3U);
  uint64_t bytes = 0;
  for (const Json& entry : json["entries"]) {
    bytes += entry["bytes"].get<uint64_t>();
    EXPECT_EQ(entry["last_used"].get<std::string>().size(), 20U);
    EXPECT_FALSE(entry["busy"].get<bool>());
  }
  EXPECT_EQ(json["bytes"], bytes);
  EXPECT_EQ(json["leftovers"], 1);
  EXPECT_EQ(json["strangers"], 1);
}

TEST_F(CacheCommand, PrunesAndClears) {
  const Json untouched = json_of(cache({"prune", "--json"}));
  EXPECT_EQ(untouched["removed_entries"], 0);
  EXPECT_FALSE(fs::exists(fs::path(folder()) / "contexts" / (key(4) + ".1.0.partial")));
  const Json pruned = json_of(cache({"prune", "--max-size", "2.2kB", "--json"}));
  EXPECT_EQ(pruned["removed_entries"], 1);
  EXPECT_EQ(pruned["entries"], 2);
  EXPECT_LE(pruned["bytes"].get<int>(), 2200);
  const Outcome cleared = cache({"clear"});
  EXPECT_EQ(cleared.exit_code, 0) << cleared.err;
  EXPECT_THAT(cleared.out, HasSubstr("left 0 B"));
  EXPECT_THAT(json_of(cache({"--json"}))["entries"], IsEmpty());
  EXPECT_EQ(checkpoint::read_file(fs::path(folder()) / "letter.txt"), "dear");
}

TEST_F(CacheCommand, ACacheThatIsNotThereIsEmptyAndIsNotMade) {
  const std::string nowhere = (dir_.path() / "nowhere").string();
  for (const char* action : {"show", "prune", "clear"}) {
    const Outcome outcome = lapidary({"cache", action, "--cache", nowhere});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_FALSE(fs::exists(nowhere));
  }
}

// Catches a cache of somebody else's, and a bound that is taken for another.
TEST_F(CacheCommand, RefusesWhatCannotBe) {
  const struct {
    std::vector<std::string> words;
    const char* part;
  } rows[] = {{{"burn"}, "burn"},
              {{"prune", "--max-size", "many"}, "'many' is not a size"},
              {{"prune", "--max-size=-1"}, "is not a size"},
              {{"prune", "--max-size", "nan"}, "is not a size"},
              {{"prune", "--max-size", "5 XB"}, "20GB"},
              {{"clear", "--max-size", "5GB"}, "prune"}};
  for (const auto& row : rows) {
    const Outcome outcome = cache(row.words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
    EXPECT_THAT(outcome.err, HasSubstr(row.part));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
  EXPECT_EQ(json_of(cache({"--json"}))["entries"].size(), 3U);
  ASSERT_EQ(::chmod(folder().c_str(), 0777), 0);
  for (const char* action : {"show", "prune", "clear"}) {
    const Outcome outcome = cache({action});
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
    EXPECT_THAT(outcome.err, HasSubstr("chmod go-w"));
  }
  ASSERT_EQ(::chmod(folder().c_str(), 0700), 0);
  EXPECT_EQ(json_of(cache({"--json"}))["entries"].size(), 3U);
}

}  // namespace
}  // namespace lapidary::e2e
