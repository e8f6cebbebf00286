// What may be found on disk when the power goes during a command: its recorded calls are replayed on a
// model of a file system that keeps no more than was synced (replay.h), and cut before and behind every
// sync and every change of a name. Each state must hold the old output or the new one, whole, and
// the next command must succeed on it. Would catch: a file, or a folder, that is published before it is
// flushed; an old package that is deleted before the new one's name is on disk; a "finished" of a
// build that is lost afterwards; leftovers that the next build stumbles over.
//
// LAPIDARY_CRASH_STATES: on how many states a scenario's command is repeated (default 12; that takes
// most of the time); LAPIDARY_CRASH_SEED: of what is left to chance (1).
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>

#include "base/testing/source_dir.h"
#include "crash/replay.h"
#include "crash/scenario.h"

namespace lapidary::crash {
namespace {

namespace fs = std::filesystem;

constexpr int kDraws = 4;  // of each cut and loss that leaves something to chance

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

const char* name_of(Loss loss) {
  constexpr std::array<const char*, kLosses> names = {"all lost",        "nothing lost",
                                                      "data lost",       "names lost",
                                                      "last names lost", "a moment for each folder",
                                                      "any order"};
  return names.at(static_cast<size_t>(loss));
}

bool is_cut(RecordKind kind) {
  return kind == RecordKind::kSync || kind == RecordKind::kSyncAll || kind == RecordKind::kRename ||
         kind == RecordKind::kRemove || kind == RecordKind::kLink;
}

// A state of the folder, and how it came about.
struct State {
  Tree tree;
  std::string where;
};

class PowerTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const fs::path shared = "/dev/shm";
    const fs::path base = fs::is_directory(shared) ? shared : fs::temp_directory_path();
    scratch_ = base / ("lapidary-power-" + std::to_string(getpid()));
    fs::remove_all(scratch_);
    fs::create_directories(scratch_);
    scratch_ = fs::canonical(scratch_);
    scenario_ = scenario_of(bench_, GetParam(), scratch_);
  }
  void TearDown() override {
    if (!HasFailure()) fs::remove_all(scratch_);
  }

  // Runs the scenario undisturbed; its calls.
  std::vector<Record> recorded(const fs::path& folder) const {
    const fs::path journal = scratch_ / "journal";
    std::ofstream{journal};
    Process process = process_of(bench_, scenario_, folder, "record");
    process.environment.push_back("LAPIDARY_CRASH_JOURNAL=" + journal.string());
    const End end = run(process);
    EXPECT_TRUE(end.ok()) << end.err;
    return read_journal(journal);
  }

  // All that may be found when the power goes now. `done`: the command has said that it succeeded.
  void check_cut(const Disk& disk, const std::string& where, bool done) {
    ++cuts_;
    for (int i = 0; i < kLosses; ++i) {
      const auto loss = static_cast<Loss>(i);
      for (int draw = 0; draw < (i < kCertainLosses ? 1 : kDraws); ++draw) {
        State state{disk.after_power_cut(loss, random_), where + ", " + name_of(loss)};
        if (!is_new(state.tree) && !done) continue;
        ASSERT_NO_FATAL_FAILURE(check_output(state, done));
        keep(std::move(state));
      }
    }
  }

  // The command again, on some of the states that were found.
  void repeat_on_some() {
    for (const State& state : kept_) {
      const fs::path folder = written(state.tree);
      const Judgement judged = judge_folder(bench_, scenario_, folder);
      ASSERT_EQ(judged.problem, "") << state.where << " (" << folder << ")";
      ASSERT_EQ(repeat(bench_, scenario_, folder), "") << state.where << " (" << folder << ")";
    }
    std::printf("power: %s: %zu cuts, %zu different states old or new, the next one right on %zu\n",
                scenario_.name.c_str(), cuts_, seen_.size(), kept_.size());
  }

  Bench bench_{build_dir() / "lapidary", build_dir() / "liblapidary_crash_shim.so",
               source_dir() / "models/tiny-gemma4"};
  fs::path scratch_;
  Scenario scenario_;

 private:
  bool is_new(const Tree& tree) {
    std::string text;
    for (const auto& [path, content] : tree) {
      text += path + '\n' + std::to_string(std::hash<std::string>()(content)) + '\n';
    }
    return seen_.insert(std::hash<std::string>()(text)).second;
  }

  // Comparing a package is quick; a model has to be read by the program.
  void check_output(const State& state, bool done) {
    if (scenario_.is_cache) {
      // How much of a removal is on disk is not promised, nor that it is when the command has ended.
      const Judgement judged = judge_folder(bench_, scenario_, written(state.tree));
      ASSERT_EQ(judged.problem, "") << state.where;
      return;
    }
    if (scenario_.is_model) {
      const Judgement judged = judge_folder(bench_, scenario_, written(state.tree));
      ASSERT_EQ(judged.problem, "") << state.where;
      ASSERT_TRUE(judged.found == Found::kNew || !done) << state.where << ": not on disk";
      return;
    }
    const Tree found = part(state.tree, {scenario_.output});
    const std::string from_new = difference(scenario_.new_output, found);
    const std::string from_old = difference(scenario_.old_output, found);
    ASSERT_TRUE(from_new.empty() || (from_old.empty() && !done))
        << state.where << ": neither old (" << from_old << ") nor new (" << from_new << ")";
  }

  // A sample, each state as likely as any other.
  void keep(State state) {
    ++offered_;
    const size_t size = setting("LAPIDARY_CRASH_STATES", 12);
    if (kept_.size() < size) {
      kept_.push_back(std::move(state));
    } else if (const size_t place = random_() % offered_; place < size) {
      kept_[place] = std::move(state);
    }
  }

  // The state where judge_folder and repeat can look at it.
  fs::path written(const Tree& tree) const {
    const fs::path folder = scratch_ / "state";
    fs::remove_all(folder);
    fs::create_directories(folder);
    write_tree(tree, folder);
    return folder;
  }

  Disk::Random random_{setting("LAPIDARY_CRASH_SEED", 1)};
  std::set<size_t> seen_;
  size_t cuts_ = 0;
  size_t offered_ = 0;
  std::vector<State> kept_;
};

TEST_P(PowerTest, EveryStateIsOldOrNewAndTheNextCommandSucceeds) {
  const fs::path folder = scratch_ / "run";
  prepare(scenario_, folder);
  Disk disk(folder);
  const std::vector<Record> records = recorded(folder);
  for (size_t i = 0; i < records.size(); ++i) {
    const std::string where =
        "cut before call " + std::to_string(i + 1) + " of " + std::to_string(records.size());
    const bool behind_one = i > 0 && is_cut(records[i - 1].kind);
    if (behind_one || is_cut(records[i].kind)) {
      ASSERT_NO_FATAL_FAILURE(check_cut(disk, where, false));
    }
    ASSERT_NO_THROW(disk.apply(records[i])) << where;
  }
  // The journal lacks nothing: what it says is what is there.
  ASSERT_EQ(difference(read_tree(folder), disk.seen()), "");
  ASSERT_NO_FATAL_FAILURE(check_cut(disk, "cut when it has ended", true));
  repeat_on_some();
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string out = info.param;
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, PowerTest, testing::ValuesIn(scenario_names()), test_name);

}  // namespace
}  // namespace lapidary::crash
