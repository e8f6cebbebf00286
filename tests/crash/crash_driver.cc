// Thousands of trials of the program being killed, refused by the file system, or run twice at once.
// scripts/test-crash --help says what is tried and what counts as wrong.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include "crash/together.h"

namespace lapidary::crash {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  Bench bench;
  std::vector<fs::path>
      folders;           // one a file system; references are made in the last, the quickest
  size_t trials = 3000;  // 0: all there are
  double seconds = 0;    // 0: no limit
  uint64_t seed = 1;
  unsigned jobs = 2;
  bool htp = false;
  std::string only;
};

// kill, ENOSPC ...: as the shim calls them, number: of the call. random: killed after so many
// microseconds. together: number is the seed.
struct Trial {
  std::string scenario, way;
  uint64_t number = 0;
  size_t folder = 0;
  std::string spec() const {
    return scenario + ":" + way + ":" + std::to_string(number) + ":" + std::to_string(folder);
  }
};

const std::vector<std::string> kWays = {"kill", "EIO", "ENOSPC", "full", "EINTR", "short"};

std::string words_of(const std::string& way) {
  static const std::map<std::string, std::string> words = {
      {"kill", "killed at a call"},      {"random", "killed at random"},
      {"EIO", "EIO at a call"},          {"ENOSPC", "ENOSPC at a call"},
      {"full", "disk full from a call"}, {"EINTR", "EINTR at a call"},
      {"short", "short transfer"},       {"together", "at once"}};
  return words.at(way);
}

struct Counts {
  size_t trials = 0, killed = 0, failed = 0, finished = 0, nothing = 0, old = 0, fresh = 0,
         wrong = 0;
};

uint64_t counted(const fs::path& counter) {
  uint64_t out = 0;
  std::ifstream(counter, std::ios::binary).read(reinterpret_cast<char*>(&out), sizeof out);
  return out;
}

// What can be tried: by scenario and way, how many calls there are.
class Catalogue {
 public:
  explicit Catalogue(const Options& options) : options_(options) {
    std::vector<std::string> names = scenario_names();
    if (options.htp) {
      for (const std::string& name : htp_scenario_names()) names.push_back(name);
    }
    const std::string only = options.only.substr(0, options.only.find(':'));
    const auto wanted = [&](const std::string& name) { return only.empty() || only == name; };
    for (const std::string& name : names) {
      if (wanted(name)) add(name);
    }
    for (const std::string& name : together_names()) {
      if (!wanted(name)) continue;
      together_.push_back(name);
      if (!references_) references_ = together_references(options.bench, options.folders.back());
    }
  }

  const Scenario& scenario(const std::string& name) const { return scenarios_.at(name); }
  const TogetherReferences& references() const { return *references_; }
  const std::vector<std::string>& together() const { return together_; }
  // By scenario and way.
  const std::map<std::pair<std::string, std::string>, uint64_t>& calls() const { return calls_; }

 private:
  void add(const std::string& name) {
    const fs::path scratch = options_.folders.back();
    const Scenario& scenario = scenarios_[name] = scenario_of(options_.bench, name, scratch);
    const fs::path folder = scratch / "counted";
    for (const std::string& way : kWays) {
      prepare(scenario, folder);
      const fs::path counter = scratch / "counter";
      const End end = run(process_of(options_.bench, scenario, folder, way + ":0", counter));
      if (!end.ok()) throw std::runtime_error(name + " fails undisturbed: " + end.err);
      calls_[{name, way}] = counted(counter);
      calls_[{name, "random"}] = static_cast<uint64_t>(end.seconds * 1.1e6);
    }
    fs::remove_all(folder);
    std::printf("%s: %llu calls change something\n", name.c_str(),
                static_cast<unsigned long long>(calls_[{name, "kill"}]));
  }

  const Options& options_;
  std::map<std::string, Scenario> scenarios_;
  std::optional<TogetherReferences> references_;
  std::vector<std::string> together_;
  std::map<std::pair<std::string, std::string>, uint64_t> calls_;
};

// In which order: round after round one of each kind, each call of a kind once, in random order. Kills
// at calls come four times a round, what takes seconds every eighth round.
std::vector<Trial> plan(const Options& options, const Catalogue& catalogue) {
  struct Kind {
    std::vector<Trial> trials;
    size_t turns, every;
  };
  std::mt19937_64 random(options.seed);
  std::vector<Kind> kinds;
  for (const auto& [kind, calls] : catalogue.calls()) {
    const auto& [scenario, way] = kind;
    const bool slow = scenario.starts_with("htp");
    for (size_t folder = 0; folder < options.folders.size(); ++folder) {
      Kind out{{}, way == "kill" && !slow ? 4U : 1U, slow ? 8U : 1U};
      const bool timed = way == "random";
      for (uint64_t number = 1; number <= (timed ? 200 : calls); ++number) {
        const uint64_t moment = timed ? random() % std::max<uint64_t>(1, calls) : number;
        out.trials.push_back({scenario, way, moment, folder});
      }
      kinds.push_back(std::move(out));
    }
  }
  for (const std::string& name : catalogue.together()) {
    for (size_t folder = 0; folder < options.folders.size(); ++folder) {
      Kind out{{}, 1, 1};
      for (int i = 0; i < 200; ++i)
        out.trials.push_back({name, "together", random() >> 32, folder});
      kinds.push_back(std::move(out));
    }
  }
  for (Kind& kind : kinds) std::shuffle(kind.trials.begin(), kind.trials.end(), random);
  std::shuffle(kinds.begin(), kinds.end(), random);
  std::vector<Trial> out;
  for (size_t round = 0, left = 1; left > 0; ++round) {
    left = 0;
    for (Kind& kind : kinds) {
      for (size_t i = 0; i < kind.turns && round % kind.every == 0 && !kind.trials.empty(); ++i) {
        out.push_back(kind.trials.back());
        kind.trials.pop_back();
      }
      left += kind.trials.size();
    }
  }
  if (options.trials > 0 && out.size() > options.trials) out.resize(options.trials);
  return out;
}

class Driver {
 public:
  Driver(const Options& options, const Catalogue& catalogue)
      : options_(options), catalogue_(catalogue), begin_(Clock::now()) {}

  void run_all(const std::vector<Trial>& trials) {
    std::atomic<size_t> next = 0;
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < options_.jobs; ++i) {
      workers.emplace_back([&] {
        for (size_t at = next++; at < trials.size() && !is_over(); at = next++)
          try_one(trials[at], at);
      });
    }
    for (std::thread& worker : workers) worker.join();
  }

  // Prints a line a kind and one for all; whether nothing was wrong.
  bool report() const {
    Counts all;
    std::printf("%-16s %-22s %7s %7s %7s %9s %8s %6s %6s %6s\n", "command", "disturbed", "trials",
                "killed", "refused", "finished", "nothing", "old", "new", "wrong");
    for (const auto& [kind, counts] : counts_) {
      print(kind.first, words_of(kind.second), counts);
      note(all, counts);
    }
    print("total", "", all);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    std::printf("crash: %zu trials, %zu wrong, seed %llu, %.0f s\n", all.trials, all.wrong,
                static_cast<unsigned long long>(options_.seed), seconds);
    return all.wrong == 0 && all.trials > 0;
  }

 private:
  static void print(const std::string& name, const std::string& way, const Counts& counts) {
    std::printf("%-16s %-22s %7zu %7zu %7zu %9zu %8zu %6zu %6zu %6zu\n", name.c_str(), way.c_str(),
                counts.trials, counts.killed, counts.failed, counts.finished, counts.nothing,
                counts.old, counts.fresh, counts.wrong);
  }

  bool is_over() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    return options_.seconds > 0 && seconds > options_.seconds;
  }

  void try_one(const Trial& trial, size_t index) {
    const fs::path folder = options_.folders[trial.folder] / ("trial-" + std::to_string(index));
    Counts one;
    one.trials = 1;
    std::string problem;
    Found found = Found::kNothing;
    try {
      problem = trial.way == "together" ? try_together(options_.bench, catalogue_.references(),
                                                       trial.scenario, folder, trial.number, found)
                                        : try_alone(trial, folder, one, found);
    } catch (const std::exception& error) {
      problem = error.what();
    }
    (found == Found::kNew ? one.fresh : found == Found::kOld ? one.old : one.nothing) = 1;
    one.wrong = problem.empty() ? 0 : 1;
    if (trial.way == "together") one.finished = 1;
    const std::lock_guard lock(mutex_);
    note(counts_[{trial.scenario, trial.way}], one);
    if (problem.empty()) {
      fs::remove_all(folder);
      return;
    }
    std::printf("WRONG %s: %s\n  folder: %s\n  again: scripts/test-crash --only %s\n",
                trial.spec().c_str(), problem.c_str(), folder.c_str(), trial.spec().c_str());
    std::fflush(stdout);
  }

  static void note(Counts& to, const Counts& one) {
    to.trials += one.trials;
    to.killed += one.killed;
    to.failed += one.failed;
    to.finished += one.finished;
    to.nothing += one.nothing;
    to.old += one.old;
    to.fresh += one.fresh;
    to.wrong += one.wrong;
  }

  std::string try_alone(const Trial& trial, const fs::path& folder, Counts& one, Found& found) {
    const Scenario& scenario = catalogue_.scenario(trial.scenario);
    prepare(scenario, folder);
    const bool timed = trial.way == "random";
    const std::string mode = timed ? "" : trial.way + ":" + std::to_string(trial.number);
    fs::path counter = folder;
    counter += ".counter";
    Process process =
        process_of(options_.bench, scenario, folder, mode, timed ? fs::path() : counter);
    if (timed) process.kill_after = std::chrono::microseconds(trial.number);
    const End end = run(process);
    fs::remove(counter);
    (end.signal != 0 ? one.killed : end.ok() ? one.finished : one.failed) = 1;
    const Judgement judged = judge(options_.bench, scenario, folder, end);
    found = judged.found;
    if (!judged.problem.empty()) return judged.problem;
    if (end.signal != 0 && !timed && trial.way != "kill") return "it was killed by somebody else";
    return repeat(options_.bench, scenario, folder);
  }

  const Options& options_;
  const Catalogue& catalogue_;
  Clock::time_point begin_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Counts> counts_;
};

Options parse(const std::vector<std::string>& words) {
  Options out;
  std::map<std::string, std::string> values;
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] == "--folder") {
      fs::create_directories(words[i + 1]);
      out.folders.push_back(fs::canonical(words[i + 1]));
    } else {
      values[words[i]] = words[i + 1];
    }
  }
  const auto number = [&](const char* name, double otherwise) {
    return values.contains(name) ? std::stod(values.at(name)) : otherwise;
  };
  out.bench = {values.at("--program"), values.at("--shim"), values.at("--tiny")};
  out.trials = static_cast<size_t>(number("--trials", static_cast<double>(out.trials)));
  out.seconds = number("--seconds", 0);
  out.seed = static_cast<uint64_t>(number("--seed", 1));
  out.jobs = static_cast<unsigned>(number("--jobs", 2));
  out.htp = number("--htp", 0) > 0;
  if (values.contains("--only")) out.only = values.at("--only");
  return out;
}

// SCENARIO, or SCENARIO:WAY:NUMBER:FOLDER.
std::vector<Trial> chosen(const Options& options, std::vector<Trial> trials) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= options.only.size();) {
    const size_t end = std::min(options.only.find(':', at), options.only.size());
    parts.push_back(options.only.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() < 4) return trials;
  return {{parts[0], parts[1], std::stoull(parts[2]), std::stoul(parts[3])}};
}

int main_of(const std::vector<std::string>& words) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Options options = parse(words);
  const Catalogue catalogue(options);
  Driver driver(options, catalogue);
  driver.run_all(chosen(options, plan(options, catalogue)));
  return driver.report() ? 0 : 1;
}

}  // namespace
}  // namespace lapidary::crash

int main(int argc, char** argv) {
  try {
    return lapidary::crash::main_of({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crash: %s\n", error.what());
    return 2;
  }
}
