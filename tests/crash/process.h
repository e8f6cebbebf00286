// Runs a program with an environment of its own, and ends it when asked to or when it takes too long.
//
//   const End end = run({.words = {program, "plan"}, .environment = {"LAPIDARY_CRASH=EIO:7"}});
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace lapidary::crash {

struct Process {
  std::vector<std::string> words;             // the program first
  std::vector<std::string> environment = {};  // "NAME=VALUE", beside what this process has
  std::chrono::microseconds kill_after{-1};   // SIGKILL so long after its start; negative: never
  std::chrono::seconds limit{180};            // then it counts as hanging, and is killed
};

struct End {
  int code = -1;   // exit code, or -1
  int signal = 0;  // that ended it, or 0
  bool hung = false;
  std::string out, err;
  double seconds = 0;
  bool ok() const { return code == 0; }
};

// May be called by several threads at once. Throws std::system_error when nothing can be started.
End run(const Process& process);

}  // namespace lapidary::crash
