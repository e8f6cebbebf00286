// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>

#include "crash/process.h"
#include "crash/replay.h"
#include "crash/scenario.h"
#include "crash/tree.h"
#include "example.h"

namespace lapidary::crash {

End process_example(const std::string& program) {
  // [tests/crash/process.h]
  const End end = run({.words = {program, "plan"}, .environment = {"LAPIDARY_CRASH=EIO:7"}});
  // [end]
  return end;
}

Tree replay_example(const std::filesystem::path& root, const std::filesystem::path& file,
                    Disk::Random& random) {
  // [tests/crash/replay.h]
  Disk disk(root);                       // before the program runs: all of it is on disk
  for (const Record& record : read_journal(file)) disk.apply(record);
  const Tree found = disk.after_power_cut(Loss::kAnyOrder, random);
  // [end]
  return found;
}

void scenario_example(const std::filesystem::path& program, const std::filesystem::path& shim,
                      const std::filesystem::path& scratch, const std::filesystem::path& folder) {
  // [tests/crash/scenario.h]
  const Bench bench{.program = program, .shim = shim, .tiny = "models/tiny-gemma4"};
  const Scenario build = scenario_of(bench, "replace", scratch);
  prepare(build, folder);
  const End end = run(process_of(bench, build, folder, "kill:17"));
  EXPECT_EQ(judge(bench, build, folder, end).problem, "");
  EXPECT_EQ(repeat(bench, build, folder), "");
  // [end]
}

void tree_example() {
  // [tests/crash/tree.h]
  const Tree before = read_tree("out");
  EXPECT_EQ(difference(part(before, {"P"}), part(read_tree("out"), {"P"})), "");
  // [end]
}

}  // namespace lapidary::crash
