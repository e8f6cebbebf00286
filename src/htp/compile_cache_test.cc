#include "htp/compile_cache.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;

class CompileCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / fmt::format("compile_cache_{}", getpid());
    fs::create_directories(folder_ / "made/dump_0");
    write(folder_ / "made/context.bin", std::string(100000, 'b'));
    write(folder_ / "made/dump_0/graph.json", "{}");
  }
  void TearDown() override { fs::remove_all(folder_); }

  static void write(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
  }
  static std::string read(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }
  // "k" as a key: 32 digits.
  static std::string key_of(const std::string& name) {
    return fmt::format("{:0>32}", name == "k" ? "1" : "2");
  }
  bool fetch(const std::string& name) const {
    const std::string key = key_of(name);
    const auto found = CompileCache::open(folder_ / "cache")->fetch(key, folder_ / "got");
    EXPECT_TRUE(found.ok()) << found.error().message();
    return found.ok() && *found;
  }
  void store(const std::string& name) const {
    const std::string key = key_of(name);
    const Status stored = CompileCache::open(folder_ / "cache")->store(key, folder_ / "made");
    EXPECT_TRUE(stored.ok()) << stored.error().message();
  }

  fs::path folder_;
};

TEST_F(CompileCacheTest, WhatWasStoredComesBack) {
  EXPECT_FALSE(fetch("k"));
  store("k");
  store("k");  // again: the entry stays
  ASSERT_TRUE(fetch("k"));
  EXPECT_EQ(read(folder_ / "got/context.bin"), std::string(100000, 'b'));
  EXPECT_EQ(read(folder_ / "got/dump_0/graph.json"), "{}");
  EXPECT_FALSE(fetch("other"));
}

TEST_F(CompileCacheTest, CancellingLeavesNothingHalfCopied) {
  CancelToken cancel;
  cancel.cancel();
  const auto cache = CompileCache::open(folder_ / "cache");
  ASSERT_TRUE(cache.ok());
  const Status stored = cache->store(key_of("k"), folder_ / "made", {.cancel = &cancel});
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().kind, ErrorKind::kCancelled);
  EXPECT_TRUE(fs::is_empty(folder_ / "cache/contexts"));
  store("k");
  const auto fetched = cache->fetch(key_of("k"), folder_ / "got", {.cancel = &cancel});
  ASSERT_FALSE(fetched.ok());
  EXPECT_EQ(fetched.error().kind, ErrorKind::kCancelled);
  EXPECT_FALSE(fs::exists(folder_ / "got"));
  EXPECT_TRUE(fetch("k")) << "the entry is whole, and was thrown away";
}

// Catches a damaged binary that gets into a package, and an entry that stays damaged for ever.
TEST_F(CompileCacheTest, ADamagedEntryIsGoneAndMadeAnew) {
  const fs::path entry = folder_ / "cache/contexts" / key_of("k");
  const std::vector<std::function<void()>> harms = {
      [&] { write(entry / "context.bin", std::string(99999, 'b') + "c"); },
      [&] { write(entry / "context.bin", ""); },
      [&] { fs::remove(entry / "dump_0/graph.json"); },
      [&] { write(entry / "stranger", "x"); },
      [&] { fs::remove(entry / "entry.json"); },
      [&] { write(entry / "entry.json", "{\"files\": 3}"); },
      [&] { write(entry / "entry.json", "{\"files\": {\"context.bin\": 1, \"dump_0\": 2}}"); },
  };
  for (size_t i = 0; i < harms.size(); ++i) {
    store("k");
    harms[i]();
    EXPECT_FALSE(fetch("k")) << i;
    EXPECT_FALSE(fs::exists(folder_ / "got")) << i;
    store("k");
    EXPECT_TRUE(fetch("k")) << i;
    fs::remove_all(entry);
  }
}

// Catches a stale hit: equal keys for other bytes, another order, or text that moves into the next.
TEST_F(CompileCacheTest, TheKeyIsOfTextsAndBytesNotOfPlaces) {
  write(folder_ / "a", "one");
  write(folder_ / "b", "two");
  write(folder_ / "c", "one");
  const auto key = [&](std::vector<std::string> texts, std::vector<std::string> files) {
    std::vector<fs::path> paths;
    for (const std::string& file : files) paths.push_back(folder_ / file);
    const auto made = cache_key(texts, paths);
    EXPECT_TRUE(made.ok());
    return made.ok() ? *made : "";
  };
  EXPECT_EQ(key({"x"}, {"a"}).size(), 32u);
  EXPECT_EQ(key({"x"}, {"a", "b"}), key({"x"}, {"c", "b"}));
  EXPECT_NE(key({"x"}, {"a", "b"}), key({"x"}, {"b", "a"}));
  EXPECT_NE(key({"x"}, {"a"}), key({"y"}, {"a"}));
  EXPECT_NE(key({"xy"}, {"a"}), key({"x", "y"}, {"a"}));
  EXPECT_FALSE(cache_key({}, std::vector<fs::path>{folder_ / "gone"}).ok());
}

}  // namespace
}  // namespace lapidary::htp
