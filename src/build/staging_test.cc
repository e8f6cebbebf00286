// What a staging folder takes up, replaces and removes, and what it refuses to touch; what a
// process leaves that is killed in the middle of it.
#include "build/staging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include "base/testing/recording_sink.h"
#include "build/journal.h"
#include "checkpoint/test_files.h"
#include "package/package.h"
#include "package/testing/small_manifest.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using checkpoint::read_file;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// The smallest package there is; `graph` tells it from another.
void write_small_package(const fs::path& dir, const std::string& graph) {
  write_text(dir / "decoder/model.onnx", graph);
  write_text(dir / "decoder/model.onnx.data", "weights of " + graph);
  const auto manifest =
      package::small_manifest(dir, "decoder/model.onnx", "decoder/model.onnx.data");
  write_text(dir / package::kManifestFile, package::to_json(manifest).dump());
}

int cannot_exchange(const char* /*a*/, const char* /*b*/) {
  errno = EINVAL;
  return -1;
}

bool is_scratch(const char* path) { return fs::path(path).filename() == "exchange.0"; }

// As exchange_names, but killed at once: the old package has our name then.
int exchange_and_die(const char* a, const char* b) {
  const int result = exchange_names(a, b);
  if (!is_scratch(a)) std::raise(SIGKILL);
  return result;
}

int die_before_exchange(const char* a, const char* b) {
  if (!is_scratch(a)) std::raise(SIGKILL);
  return exchange_names(a, b);
}

// Somebody is quick enough to put a file into the package that was just replaced.
int exchange_and_add_a_file(const char* a, const char* b) {
  const int result = exchange_names(a, b);
  if (!is_scratch(a)) write_text(fs::path(a) / "decoder/thesis.txt", "years of work");
  return result;
}

// Another build comes while the folders have changed their names.
std::string problem_after_exchange;  // NOLINT: a function pointer has no state
int exchange_and_open_another(const char* a, const char* b) {
  const int result = exchange_names(a, b);
  if (!is_scratch(a)) {
    const auto other = Staging::open(b, {.force = true});
    problem_after_exchange = other.ok() ? "" : other.error().message();
  }
  return result;
}

class StagingTest : public ::testing::Test {
 protected:
  // What the next build is told; "" when it may go on. It makes nothing.
  std::string problem(const StagingOptions& options = {}) {
    auto staging = Staging::open(output_, options);
    if (!staging.ok()) return staging.error().message();
    staging->discard();
    return "";
  }
  // A whole build; "" or what was wrong.
  std::string build(const std::string& graph, const StagingOptions& options = {}) {
    auto staging = Staging::open(output_, options);
    if (!staging.ok()) return staging.error().message();
    if (Status status = staging->keep_only({}); !status.ok()) return status.error().message();
    write_small_package(staging->dir(), graph);
    const Status status = staging->publish();
    if (status.ok()) return "";
    staging->discard();
    return status.error().message();
  }
  // In a process of its own, which is killed.
  void build_and_die(const std::string& graph, const StagingOptions& options) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      build(graph, options);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
  }
  std::string graph_of_package() const {
    const auto package = package::Package::open(output_);
    if (!package.ok()) return package.error().message();
    return read_file(output_ / "decoder/model.onnx");
  }
  void begin_partial() {
    fs::create_directories(partial_);
    ASSERT_TRUE(Journal{}.write(partial_).ok());
  }

  checkpoint::TempDir dir_;
  fs::path output_ = dir_.path() / "pkg";
  fs::path partial_ = dir_.path() / "pkg.partial";
  fs::path lock_ = dir_.path() / ".pkg.lapidary-lock";
};

TEST_F(StagingTest, PublishesAndReplacesAndLeavesNothingBeside) {
  ASSERT_EQ(build("one"), "");
  EXPECT_EQ(graph_of_package(), "one");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
  EXPECT_THAT(build("two"), HasSubstr("is a package already (replace it with --force)"));
  ASSERT_EQ(build("two", {.force = true}), "");
  EXPECT_EQ(graph_of_package(), "two");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
  EXPECT_FALSE(fs::exists(output_ / kJournalFile));
}

TEST_F(StagingTest, DiscardLeavesWhatWasThere) {
  ASSERT_EQ(build("one"), "");
  EXPECT_EQ(problem({.force = true}), "");
  EXPECT_EQ(graph_of_package(), "one");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
  output_ = dir_.path() / "new/deep/pkg";
  EXPECT_EQ(problem(), "");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
}

// The folder stays for the next build when nobody says otherwise, the lock does not.
TEST_F(StagingTest, TheLockGoesWithTheStaging) {
  {
    const auto staging = Staging::open(output_, {});
    ASSERT_TRUE(staging.ok()) << staging.error().message();
    EXPECT_THAT(dir_.names(), ElementsAre(".pkg.lapidary-lock", "pkg.partial"));
    EXPECT_THAT(problem(), HasSubstr("another build is writing this package"));
  }
  EXPECT_THAT(dir_.names(), ElementsAre("pkg.partial"));
}

// A lock on the folder would be gone from the name as soon as the folder is.
TEST_F(StagingTest, TheLockOutlivesTheRename) {
  ASSERT_EQ(build("one"), "");
  ASSERT_EQ(build("two", {.force = true, .exchange = exchange_and_open_another}), "");
  EXPECT_THAT(problem_after_exchange, HasSubstr("another build is writing this package"));
  EXPECT_EQ(graph_of_package(), "two");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
}

TEST_F(StagingTest, AnotherProcessHoldsTheLockUntilItIsKilled) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto staging = Staging::open(output_, {});
    const char answer = staging.ok() ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) == 1) ::pause();
    ::_exit(0);
  }
  char answer = 0;
  EXPECT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_THAT(problem(), HasSubstr("another build is writing this package"));
  EXPECT_TRUE(fs::exists(partial_ / kJournalFile));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_TRUE(fs::exists(lock_));  // the file, which nobody has locked
  EXPECT_EQ(build("one"), "");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
}

TEST_F(StagingTest, WhatHasTheLocksNameIsNotTouched) {
  write_text(lock_, "years of work");
  EXPECT_THAT(problem(), AllOf(HasSubstr(lock_.string()), HasSubstr("no build left it")));
  EXPECT_EQ(read_file(lock_), "years of work");
  fs::remove(lock_);
  fs::create_symlink(dir_.path() / "elsewhere", lock_);
  EXPECT_THAT(problem(), HasSubstr("no build left it"));
  EXPECT_THAT(dir_.names(), ElementsAre(".pkg.lapidary-lock"));
}

// Before: emptied, without --force.
TEST_F(StagingTest, ALinkToAPackageIsNotFollowed) {
  const fs::path other = dir_.path() / "other";
  write_small_package(other, "precious");
  fs::create_directory_symlink(other, partial_);
  EXPECT_THAT(problem(), AllOf(HasSubstr("pkg.partial"), HasSubstr("no build left it")));
  EXPECT_TRUE(fs::is_symlink(partial_));
  EXPECT_TRUE(package::Package::open(other).ok());
  EXPECT_THAT(dir_.names(), ElementsAre("other", "pkg.partial"));
}

// Somebody's package may be called so.
TEST_F(StagingTest, AWholePackageUnderThePartialNameIsNotOurs) {
  write_small_package(partial_, "precious");
  EXPECT_THAT(problem(), AllOf(HasSubstr("pkg.partial"), HasSubstr("a package of its own")));
  EXPECT_TRUE(package::Package::open(partial_).ok());
}

TEST_F(StagingTest, AForeignFileInThePartialFolderIsNamed) {
  for (const char* name : {"thesis.txt", "decoder/thesis.txt", "encoder/model.onnx"}) {
    begin_partial();
    write_text(partial_ / name, "years of work");
    EXPECT_THAT(problem(), AllOf(HasSubstr(name), HasSubstr("no build left it")));
    EXPECT_EQ(read_file(partial_ / name), "years of work");
    fs::remove_all(partial_);
  }
}

// What a build writes through a link lands outside, and what it removes there is not its own.
TEST_F(StagingTest, ALinkInThePartialFolderIsNamed) {
  write_text(dir_.path() / "other/model.onnx", "precious");
  for (const char* name : {"decoder", "plan.json"}) {
    begin_partial();
    fs::create_symlink(dir_.path() / "other", partial_ / name);
    EXPECT_THAT(problem(), AllOf(HasSubstr(name), HasSubstr("no build left it")));
    fs::remove_all(partial_);
  }
  EXPECT_EQ(read_file(dir_.path() / "other/model.onnx"), "precious");
}

// Whatever a vendor's library leaves where it works must not block the next build.
TEST_F(StagingTest, WhatOthersLeaveInTheirWorkingFoldersGoes) {
  begin_partial();
  write_text(partial_ / "decoder/htp/part.0.bin.partial/core.1234", "x");
  write_text(partial_ / "decoder.probe/node_7/trace", "x");
  fs::create_symlink("/nowhere", partial_ / "decoder.probe/link");
  EXPECT_EQ(build("one"), "");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
}

TEST_F(StagingTest, AFolderOfAnotherUserIsRefused) {
  begin_partial();
  if (::chown(partial_.c_str(), 12345, 12345) != 0) {
    GTEST_SKIP() << "a folder cannot be given away here";
  }
  EXPECT_THAT(problem(), HasSubstr("belongs to another user"));
  EXPECT_TRUE(fs::exists(partial_ / kJournalFile));
}

// A process killed between two steps of making the folder.
TEST_F(StagingTest, AFolderThatWasJustBegunIsTakenUp) {
  fs::create_directory(partial_);
  EXPECT_EQ(build("one"), "");
  fs::remove_all(output_);
  write_text(partial_ / (std::string(kJournalFile) + ".tmp"), "{");
  EXPECT_EQ(build("two"), "");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
}

TEST_F(StagingTest, AForeignFileInThePackageIsNamedAndKept) {
  ASSERT_EQ(build("one"), "");
  for (const char* name : {"thesis.txt", "decoder/thesis.txt", "notes/thesis.txt"}) {
    write_text(output_ / name, "years of work");
    EXPECT_THAT(problem({.force = true}),
                AllOf(HasSubstr(name), HasSubstr("would be deleted with it"), HasSubstr("move")));
    EXPECT_EQ(read_file(output_ / name), "years of work");
    EXPECT_EQ(graph_of_package(), "one");
    fs::remove(output_ / name);
  }
  fs::create_directory_symlink(dir_.path(), output_ / "audio_encoder");
  EXPECT_THAT(problem({.force = true}), HasSubstr("audio_encoder"));
  fs::remove(output_ / "audio_encoder");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
  EXPECT_EQ(build("two", {.force = true}), "");  // the folder "notes" is empty: nothing is lost
}

TEST_F(StagingTest, AForeignFileThatComesDuringTheBuildIsKept) {
  ASSERT_EQ(build("one"), "");
  auto staging = Staging::open(output_, {.force = true});
  ASSERT_TRUE(staging.ok()) << staging.error().message();
  write_small_package(staging->dir(), "two");
  write_text(output_ / "thesis.txt", "years of work");
  const Status status = staging->publish();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("thesis.txt"));
  staging->discard();
  EXPECT_EQ(graph_of_package(), "one");
  EXPECT_EQ(read_file(output_ / "thesis.txt"), "years of work");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
}

// A name does not make a manifest.
TEST_F(StagingTest, AFileCalledLapidaryJsonDoesNotMakeAPackage) {
  write_text(output_ / package::kManifestFile, "{\"years\": \"of work\"}");
  write_text(output_ / "thesis.txt", "years of work");
  EXPECT_THAT(problem({.force = true}), HasSubstr("its manifest is none of ours"));
  EXPECT_EQ(read_file(output_ / "thesis.txt"), "years of work");
}

TEST_F(StagingTest, ADamagedPackageCanBeReplaced) {
  ASSERT_EQ(build("one"), "");
  fs::remove(output_ / "decoder/model.onnx");
  write_text(output_ / "decoder/model.onnx.data", "other");
  EXPECT_EQ(build("two", {.force = true}), "");
  EXPECT_EQ(graph_of_package(), "two");
}

TEST_F(StagingTest, AHalfRemovedFormerPackageIsClearedAway) {
  ASSERT_EQ(build("one"), "");
  write_small_package(partial_, "zero");
  fs::remove(partial_ / "decoder/model.onnx");
  ASSERT_EQ(build("two", {.force = true}), "");
  EXPECT_EQ(graph_of_package(), "two");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
  // But not with something else in it.
  write_small_package(partial_, "zero");
  fs::remove(partial_ / "decoder/model.onnx");
  write_text(partial_ / "thesis.txt", "years of work");
  EXPECT_THAT(problem({.force = true}), HasSubstr("thesis.txt"));
  EXPECT_TRUE(fs::exists(partial_ / "thesis.txt"));
}

TEST_F(StagingTest, KilledAfterTheExchange) {
  ASSERT_EQ(build("one"), "");
  build_and_die("two", {.force = true, .exchange = exchange_and_die});
  EXPECT_EQ(graph_of_package(), "two");
  EXPECT_THAT(dir_.names(), ElementsAre(".pkg.lapidary-lock", "pkg", "pkg.partial"));
  ASSERT_EQ(build("three", {.force = true}), "");
  EXPECT_EQ(graph_of_package(), "three");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
}

TEST_F(StagingTest, KilledBeforeTheExchange) {
  ASSERT_EQ(build("one"), "");
  build_and_die("two", {.force = true, .exchange = die_before_exchange});
  EXPECT_EQ(graph_of_package(), "one");
  ASSERT_EQ(build("three", {.force = true}), "");
  EXPECT_EQ(graph_of_package(), "three");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg"));
}

// The package is there, so the build has not failed.
TEST_F(StagingTest, WhatCannotBeClearedAwayIsNoted) {
  ASSERT_EQ(build("one"), "");
  RecordingSink sink;
  ASSERT_EQ(build("two", {.force = true, .work = sink.work(), .exchange = exchange_and_add_a_file}),
            "");
  EXPECT_EQ(graph_of_package(), "two");
  EXPECT_THAT(sink.notes, ElementsAre(HasSubstr("the former one is not wholly removed")));
  EXPECT_EQ(read_file(partial_ / "decoder/thesis.txt"), "years of work");
  EXPECT_THAT(problem({.force = true}), HasSubstr("no build left it"));
}

// Before: P.old was deleted unasked, and there was a moment without a package.
TEST_F(StagingTest, NoReplacementWhereNamesCannotBeExchanged) {
  ASSERT_EQ(build("one", {.exchange = cannot_exchange}), "");  // nothing to replace
  write_text(dir_.path() / "pkg.old/thesis.txt", "years of work");
  EXPECT_THAT(problem({.force = true, .exchange = cannot_exchange}),
              AllOf(HasSubstr("cannot exchange"), HasSubstr("delete it first")));
  EXPECT_EQ(graph_of_package(), "one");
  EXPECT_THAT(dir_.names(), ElementsAre("pkg", "pkg.old"));
  EXPECT_TRUE(fs::exists(dir_.path() / "pkg.old/thesis.txt"));
}

TEST_F(StagingTest, OnlyWhatIsWholeIsPublished) {
  const auto published = [&](const auto& damage) {
    auto staging = Staging::open(output_, {});
    if (!staging.ok()) return staging.error().message();
    write_small_package(staging->dir(), "one");
    damage(staging->dir());
    const Status status = staging->publish();
    EXPECT_FALSE(fs::exists(output_));
    staging->discard();
    return status.ok() ? std::string() : status.error().message();
  };
  EXPECT_THAT(published([](const fs::path& dir) { fs::remove(dir / "decoder/model.onnx"); }),
              HasSubstr("is missing"));
  EXPECT_THAT(published([](const fs::path& dir) { write_text(dir / "decoder/model.onnx", "on"); }),
              HasSubstr("has 2 bytes"));
  EXPECT_THAT(published([](const fs::path& dir) { fs::remove(dir / package::kManifestFile); }),
              HasSubstr(package::kManifestFile));
  EXPECT_THAT(published([](const fs::path& dir) { write_text(dir / "decoder/more.onnx", "x"); }),
              HasSubstr("is in no list of the package"));
  EXPECT_THAT(dir_.names(), IsEmpty());
}

TEST_F(StagingTest, KeepsWhatIsToBeKept) {
  auto staging = Staging::open(output_, {});
  ASSERT_TRUE(staging.ok()) << staging.error().message();
  for (const char* name :
       {"decoder/model.onnx", "decoder/htp/part.0.bin", "embedding/model.onnx", "plan.json",
        "decoder.probe/x", "calibration.onnx", "calibration.onnx.data"}) {
    write_text(partial_ / name, "x");
  }
  ASSERT_TRUE(staging->keep_only({"decoder/model.onnx"}).ok());
  std::vector<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(partial_)) {
    left.push_back(entry.path().lexically_relative(partial_).string());
  }
  std::sort(left.begin(), left.end());
  EXPECT_THAT(left, ElementsAre(kJournalFile, "decoder", "decoder/model.onnx"));
  staging->discard();
  EXPECT_THAT(dir_.names(), IsEmpty());
}

}  // namespace
}  // namespace lapidary::build
