#include "base/cache_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "base/cache_entry.h"
#include "base/cache_files.h"
#include "base/testing/recording_sink.h"

namespace lapidary {
namespace {

namespace fs = std::filesystem;
using cache_files::EntryId;
using cache_files::EntryReader;
using cache_files::EntryWriter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr CacheKind kKind = CacheKind::kContext;

std::string key(int number) { return fmt::format("{:032x}", number); }

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

int mode_of(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 07777) : -1;
}

std::vector<std::string> keys_of(const CacheFolder& cache) {
  std::vector<std::string> keys;
  for (const CachedEntry& entry : cache.list().entries) keys.push_back(entry.key);
  return keys;
}

class CacheFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::path(testing::TempDir()) / fmt::format("cache_folder_{}", getpid());
    fs::remove_all(dir_);
    write(dir_ / "made/context.bin", std::string(1000, 'b'));
    write(dir_ / "made/dump_0/graph.json", "{}");
  }
  void TearDown() override { fs::remove_all(dir_); }

  fs::path root() const { return dir_ / "home/cache"; }
  fs::path entry(int number) const { return root() / "contexts" / key(number); }
  CacheFolder open(uint64_t most_bytes = kDefaultCacheBytes) const {
    auto cache = CacheFolder::open(root(), most_bytes);
    EXPECT_TRUE(cache.ok()) << cache.error().message();
    return *std::move(cache);
  }
  void store(const CacheFolder& cache, int number) const {
    const Status stored = cache.store(kKind, key(number), dir_ / "made");
    EXPECT_TRUE(stored.ok()) << stored.error().message();
  }
  bool fetch(const CacheFolder& cache, int number, const Work& work = {}) const {
    const auto found = cache.fetch(kKind, key(number), dir_ / "got", work);
    EXPECT_TRUE(found.ok()) << found.error().message();
    return found.ok() && *found;
  }
  std::vector<std::string> names_in_contexts() const {
    std::vector<std::string> names;
    for (const auto& each : fs::directory_iterator(root() / "contexts")) {
      names.push_back(each.path().filename());
    }
    return names;
  }
  // As if it had been used last so many seconds after 1970.
  void used_at(int number, time_t seconds) const {
    const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, entry(number).c_str(), times, 0), 0);
  }
  uint64_t bytes_of_one() const {
    const CacheFolder cache = open();
    store(cache, 99);
    const uint64_t bytes = cache.list().entries.at(0).bytes;
    fs::remove_all(root());
    return bytes;
  }

  fs::path dir_;
};

TEST_F(CacheFolderTest, WhatWasStoredComesBackAndIsTheUsersAlone) {
  const mode_t before = ::umask(0);
  const CacheFolder cache = open();
  store(cache, 1);
  ::umask(before);
  ASSERT_TRUE(fetch(cache, 1));
  EXPECT_EQ(read(dir_ / "got/context.bin"), std::string(1000, 'b'));
  EXPECT_EQ(read(dir_ / "got/dump_0/graph.json"), "{}");
  EXPECT_FALSE(fetch(cache, 2));
  for (const fs::path& folder : {dir_ / "home", root(), root() / "contexts", entry(1)}) {
    EXPECT_EQ(mode_of(folder), 0700) << folder;
  }
  EXPECT_EQ(mode_of(entry(1) / "context.bin"), 0600);
  const CacheListing listing = cache.list();
  ASSERT_EQ(listing.entries.size(), 1U);
  EXPECT_GT(listing.bytes(), 1002U);
  EXPECT_EQ(listing.leftovers + listing.strangers, 0U);
  EXPECT_FALSE(cache.fetch(kKind, "../../etc", dir_ / "got").ok());
  EXPECT_FALSE(cache.store(kKind, "../../etc", dir_ / "made").ok());
}

// Catches binaries of other bytes, of another key, or from elsewhere that get into a package; and
// an entry that is thrown away without a word.
TEST_F(CacheFolderTest, AnEntryThatWasChangedIsMadeAnewWithANote) {
  const struct {
    std::function<void()> harm;
    const char* why;
  } rows[] = {
      {[&] { write(entry(1) / "context.bin", std::string(999, 'b') + "c"); }, "its list"},
      {[&] { write(entry(1) / "context.bin", ""); }, "its list"},
      {[&] { write(entry(1) / "stranger", "x"); }, "other files"},
      {[&] { fs::remove(entry(1) / "dump_0/graph.json"); }, "other files"},
      {[&] { fs::remove(entry(1) / "entry.json"); }, "entry.json"},
      {[&] { write(entry(1) / "entry.json", "{"); }, "no list"},
      {[&] { write(entry(1) / "entry.json", "[1]"); }, "no list"},
      {[&] { write(entry(1) / "entry.json", R"({"format": "2", "files": {}})"); }, "no list"},
      {[&] { write(entry(1) / "entry.json", std::string(17 << 20, ' ')); }, "too large"},
      {[&] {
         write(entry(1) / "entry.json",
               fmt::format(R"({{"format": 2, "kind": "contexts", "key": "{}", "files":
                   {{"context.bin": 1, "dump_0/graph.json": null}}}})",
                           key(1)));
       },
       "its list"},
      {[&] {
         fs::remove_all(entry(1));
         fs::copy(entry(2), entry(1), fs::copy_options::recursive);
       },
       "another key"},
      {[&] {
         fs::remove(entry(1) / "context.bin");
         fs::create_symlink(dir_ / "made/context.bin", entry(1) / "context.bin");
       },
       "other files"},
      {[&] {
         fs::remove(entry(1) / "context.bin");
         ASSERT_EQ(::mkfifo((entry(1) / "context.bin").c_str(), 0600), 0);
       },
       "other files"},
      {[&] {
         fs::remove_all(entry(1));
         fs::create_directory_symlink(entry(2), entry(1));
       },
       "is a link"},
      {[&] {
         fs::remove_all(entry(1));
         write(entry(1), "x");
       },
       "not a folder"},
  };
  const CacheFolder cache = open();
  store(cache, 2);
  for (const auto& row : rows) {
    store(cache, 1);
    row.harm();
    RecordingSink sink;
    EXPECT_FALSE(fetch(cache, 1, sink.work())) << row.why;
    EXPECT_FALSE(fs::exists(dir_ / "got")) << row.why;
    ASSERT_EQ(sink.notes.size(), 1U) << row.why;
    EXPECT_THAT(sink.notes[0], HasSubstr(row.why));
    EXPECT_THAT(sink.notes[0], HasSubstr(key(1)));
    EXPECT_FALSE(fs::exists(fs::symlink_status(entry(1)))) << row.why;
    store(cache, 1);
    EXPECT_TRUE(fetch(cache, 1)) << row.why;
    EXPECT_TRUE(fetch(cache, 2)) << "a link was followed: " << row.why;
  }
}

// A failing output is no fault of the entry's.
TEST_F(CacheFolderTest, AnOutputThatCannotBeWrittenLeavesTheEntry) {
  const CacheFolder cache = open();
  store(cache, 1);
  write(dir_ / "file", "x");
  EXPECT_FALSE(cache.fetch(kKind, key(1), dir_ / "file/below").ok());
  EXPECT_TRUE(fetch(cache, 1));
}

TEST_F(CacheFolderTest, FoldersThatOthersCouldWriteToAreRefused) {
  fs::create_directories(root());
  for (const mode_t mode : {0770U, 0707U, 0777U, 01777U, 0722U}) {
    ASSERT_EQ(::chmod(root().c_str(), mode), 0);
    const auto cache = CacheFolder::open(root());
    ASSERT_FALSE(cache.ok()) << mode;
    EXPECT_EQ(cache.error().kind, ErrorKind::kBadInput);
    EXPECT_THAT(cache.error().message(), HasSubstr("chmod go-w"));
    EXPECT_FALSE(CacheFolder::find(root()).ok()) << mode;
  }
  ASSERT_EQ(::chmod(root().c_str(), 0755), 0);  // as an earlier Lapidary made it
  store(open(), 1);
  ASSERT_EQ(::chmod((root() / "contexts").c_str(), 0777), 0);
  EXPECT_FALSE(CacheFolder::open(root()).ok());
  ASSERT_EQ(::chmod((root() / "contexts").c_str(), 0700), 0);
  EXPECT_TRUE(CacheFolder::open(root()).ok());
}

TEST_F(CacheFolderTest, LinksFilesAndOtherPeoplesFoldersAreRefused) {
  fs::create_directories(dir_ / "elsewhere");
  fs::create_directory_symlink(dir_ / "elsewhere", dir_ / "link");
  for (const char* name : {"link", "link/", "link/."}) {
    const auto cache = CacheFolder::open(dir_ / name);
    ASSERT_FALSE(cache.ok()) << name;
    EXPECT_THAT(cache.error().message(), HasSubstr("is a link")) << name;
  }
  EXPECT_TRUE(fs::is_empty(dir_ / "elsewhere"));
  write(dir_ / "file", "x");
  EXPECT_FALSE(CacheFolder::open(dir_ / "file").ok());
  fs::create_directories(root());
  fs::create_directory_symlink(dir_ / "elsewhere", root() / "contexts");
  EXPECT_FALSE(CacheFolder::open(root()).ok());
  // Ours only if all of this runs as root, who may write anywhere.
  const fs::path proc = "/proc/1";
  struct stat info {};
  if (::stat(proc.c_str(), &info) == 0 && info.st_uid != ::geteuid()) {
    const auto cache = CacheFolder::find(proc);
    ASSERT_FALSE(cache.ok());
    EXPECT_THAT(cache.error().message(), HasSubstr("another user"));
  }
  if (::geteuid() == 0) {
    fs::create_directories(dir_ / "theirs");
    ASSERT_EQ(::chown((dir_ / "theirs").c_str(), 12345, 12345), 0);
    const auto cache = CacheFolder::open(dir_ / "theirs");
    ASSERT_FALSE(cache.ok());
    EXPECT_THAT(cache.error().message(), HasSubstr("another user (12345)"));
  }
}

TEST_F(CacheFolderTest, FindMakesNothing) {
  const auto cache = CacheFolder::find(root());
  ASSERT_TRUE(cache.ok());
  EXPECT_FALSE(cache->has_value());
  EXPECT_FALSE(fs::exists(dir_ / "home"));
}

TEST_F(CacheFolderTest, WhatWasUsedLongestAgoGoesFirst) {
  const uint64_t one = bytes_of_one();
  const CacheFolder cache = open(3 * one);
  for (int i = 1; i <= 3; ++i) store(cache, i);
  used_at(1, 3000);
  used_at(2, 1000);
  used_at(3, 2000);
  EXPECT_THAT(keys_of(cache), ElementsAre(key(2), key(3), key(1)));
  EXPECT_TRUE(fetch(cache, 2));
  store(cache, 4);  // takes the place of 3
  std::vector<std::string> keys = keys_of(cache);
  std::sort(keys.begin(), keys.end());
  EXPECT_THAT(keys, ElementsAre(key(1), key(2), key(4)));
  EXPECT_LE(cache.list().bytes(), 3 * one);
  EXPECT_EQ(open(2 * one).list().entries.size(), 2U);
  EXPECT_EQ(keys_of(open(2 * one))[0], key(2));
}

TEST_F(CacheFolderTest, WhatIsLargerThanTheBoundIsNotKept) {
  const uint64_t one = bytes_of_one();
  store(open(one), 1);
  const CacheFolder small = open(one / 2);
  EXPECT_THAT(keys_of(small), IsEmpty());
  RecordingSink sink;
  EXPECT_TRUE(small.store(kKind, key(2), dir_ / "made", sink.work()).ok());
  EXPECT_THAT(keys_of(small), IsEmpty());
  ASSERT_EQ(sink.notes.size(), 1U);
  EXPECT_THAT(sink.notes[0], HasSubstr("not kept"));
}

// Catches an eviction that pulls the files away under somebody who copies them.
TEST_F(CacheFolderTest, AnEntryInUseStays) {
  const CacheFolder cache = open();
  store(cache, 1);
  store(cache, 2);
  const auto folder = cache_files::open_folder(AT_FDCWD, root() / "contexts", "contexts");
  ASSERT_TRUE(folder.ok());
  {
    const auto reader = EntryReader::open(*folder, {"contexts", key(1), entry(1)}, {});
    ASSERT_TRUE(reader.ok() && reader->has_value());
    EXPECT_TRUE((*reader)->fault().empty());
    EXPECT_TRUE(cache.list().entries[0].busy || cache.list().entries[1].busy);
    const auto removed = cache.trim(0);
    ASSERT_TRUE(removed.ok());
    EXPECT_EQ(removed->entries, 1U);
    EXPECT_EQ(removed->busy, 1U);
    EXPECT_THAT(keys_of(cache), ElementsAre(key(1)));
    EXPECT_TRUE(fetch(cache, 1)) << "two may read at once";
  }
  EXPECT_EQ(cache.trim(0)->entries, 1U);
  EXPECT_THAT(keys_of(cache), IsEmpty());
}

// A kill leaves folders of these names; one that is being written looks the same, but is locked.
TEST_F(CacheFolderTest, WhatAKillLeftGoesAndWhatIsBeingWrittenStays) {
  const CacheFolder cache = open();
  store(cache, 1);
  const fs::path kind = root() / "contexts";
  fs::copy(entry(1), kind / (key(1) + ".77.0.partial"), fs::copy_options::recursive);
  write(kind / (key(2) + ".77.1.removed") / "dump_0/graph.json", "{}");
  write(root() / "probes" / (key(3) + ".json"), "{}");
  fs::create_directory_symlink(dir_ / "made", kind / (key(4) + ".77.2.partial"));
  EXPECT_EQ(cache.list().leftovers, 4U);
  const auto folder = cache_files::open_folder(AT_FDCWD, kind, "contexts");
  ASSERT_TRUE(folder.ok());
  auto writer = EntryWriter::begin(*folder, {"contexts", key(5), entry(5)});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->add_file("context.bin", dir_ / "made/context.bin", {}).ok());
  const CacheFolder next = open();
  EXPECT_EQ(next.list().leftovers, 1U);
  ASSERT_TRUE(writer->commit().ok());
  EXPECT_EQ(next.list().leftovers, 0U);
  EXPECT_TRUE(fetch(next, 1));
  EXPECT_TRUE(fetch(next, 5));
  EXPECT_TRUE(fs::exists(dir_ / "made/context.bin")) << "a link was followed";
}

// Catches `lapidary cache clear` on a folder that is no cache.
// With so many more open files than there are now.
Result<CacheRemoval> trim_with_files(const CacheFolder& cache, rlim_t more) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(lowest);
  const rlimit tight{static_cast<rlim_t>(lowest) + more, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &tight);
  Result<CacheRemoval> removed = cache.trim(0);
  setrlimit(RLIMIT_NOFILE, &before);
  return removed;
}

// Catches folders that cannot be listed and read as empty: "cleared", and all is there.
TEST_F(CacheFolderTest, ClearedMeansThatNothingIsLeft) {
  std::vector<bool> done;
  for (rlim_t files = 0; files < 12; ++files) {
    const CacheFolder cache = open();
    for (const int number : {1, 2}) store(cache, number);
    write(root() / "contexts" / (key(3) + ".7.0.partial") / "context.bin", "half");
    const auto removed = trim_with_files(cache, files);
    done.push_back(removed.ok());
    if (removed.ok()) {
      EXPECT_THAT(names_in_contexts(), IsEmpty()) << files;
    }
    const auto again = cache.trim(0);
    ASSERT_TRUE(again.ok()) << again.error().message();
    EXPECT_THAT(names_in_contexts(), IsEmpty()) << files;
  }
  EXPECT_FALSE(done.front());
  EXPECT_TRUE(done.back());
}

TEST_F(CacheFolderTest, WhatNoLapidaryMadeStays) {
  const CacheFolder cache = open();
  store(cache, 1);
  write(root() / "letter.txt", "dear");
  write(root() / "contexts/notes/entry.json", "{}");
  write(root() / "contexts" / key(7), "a file");
  write(root() / "contexts" / key(8) / "data", "no list beside it");
  fs::create_directory_symlink(dir_ / "made", root() / "contexts" / key(9));
  EXPECT_EQ(cache.list().strangers, 5U);
  const auto removed = cache.trim(0);
  ASSERT_TRUE(removed.ok()) << removed.error().message();
  EXPECT_EQ(removed->entries, 1U);
  EXPECT_EQ(cache.list().strangers, 5U);
  EXPECT_EQ(read(root() / "letter.txt"), "dear");
  EXPECT_TRUE(fs::exists(dir_ / "made/context.bin"));
}

TEST_F(CacheFolderTest, TextsAreReplacedAndChecked) {
  const CacheFolder cache = open();
  EXPECT_EQ(cache.fetch_text(CacheKind::kProbe, key(1)), std::nullopt);
  ASSERT_TRUE(cache.store_text(CacheKind::kProbe, key(1), "one").ok());
  ASSERT_TRUE(cache.store_text(CacheKind::kProbe, key(1), "two").ok());
  EXPECT_EQ(cache.fetch_text(CacheKind::kProbe, key(1)), "two");
  write(root() / "probes" / key(1) / "text", "six");
  RecordingSink sink;
  EXPECT_EQ(cache.fetch_text(CacheKind::kProbe, key(1), sink.work()), std::nullopt);
  EXPECT_EQ(sink.notes.size(), 1U);
  ASSERT_TRUE(cache.store_text(CacheKind::kProbe, key(1), "three").ok());
  EXPECT_EQ(cache.fetch_text(CacheKind::kProbe, key(1)), "three");
  EXPECT_EQ(cache.list().leftovers, 0U);
}

// Catches half entries and deadlocks where several processes write, read and evict at once; each
// thread has a folder, and so locks, of its own.
TEST_F(CacheFolderTest, ManyMayUseItAtOnce) {
  const uint64_t one = bytes_of_one();
  constexpr int kThreads = 4;
  std::vector<std::string> faults(kThreads);
  std::vector<std::thread> threads;
  open();
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      RecordingSink sink;
      const fs::path to = dir_ / fmt::format("got{}", t);
      for (int i = 0; i < 12; ++i) {
        const auto cache = CacheFolder::open(root(), 2 * one);
        const std::string name = key((i + t) % 4);
        const auto found = cache->fetch(kKind, name, to, sink.work());
        if (!found.ok()) faults[t] += found.error().message() + "\n";
        if (found.ok() && *found && read(to / "context.bin") != std::string(1000, 'b')) {
          faults[t] += "other bytes\n";
        }
        const Status stored = cache->store(kKind, name, dir_ / "made");
        if (!stored.ok()) faults[t] += stored.error().message() + "\n";
      }
      for (const std::string& note : sink.notes) faults[t] += note + "\n";
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& fault : faults) EXPECT_EQ(fault, "");
  const CacheListing left = open(2 * one).list();
  EXPECT_EQ(left.leftovers, 0U);
  EXPECT_LE(left.bytes(), 2 * one);
}

}  // namespace
}  // namespace lapidary
