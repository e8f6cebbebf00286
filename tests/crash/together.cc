#include "crash/together.h"

#include <array>
#include <cstring>
#include <fstream>
#include <future>
#include <iterator>
#include <random>
#include <stdexcept>
#include <thread>

namespace lapidary::crash {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr int kLatestStartUs = 150'000;  // a build of the tiny model takes about so long

Words run_words() {
  return {"run", "{}/package", "What color is the sky?", "--greedy", "--max-tokens", "12"};
}
Words export_words() { return {"export", "{}/package", "-o", "{}/exported", "--device", "cpu"}; }

// The first program, and the second one, each started a while after the other or slowed.
class Pair {
 public:
  Pair(const Bench& bench, fs::path folder, uint64_t seed)
      : bench_(bench), folder_(std::move(folder)), random_(seed) {}

  std::pair<End, End> run_both(const Words& first, const Words& second) {
    // A build calls some hundred times, `run` and `export` some ten times.
    std::future<End> one = started(first, {"", "", "slow:100", "slow:1000"});
    const bool builds = second.front() == "build";
    std::future<End> two = started(
        second, {"", builds ? "" : "slow:3000", "slow:100", builds ? "slow:1000" : "slow:20000"});
    End end = one.get();
    return {std::move(end), two.get()};
  }

 private:
  std::future<End> started(const Words& words, const std::array<const char*, 4>& slow) {
    const std::chrono::microseconds delay(random_() % 2 == 0 ? 0 : random_() % kLatestStartUs);
    const Process process = process_of(bench_, words, folder_, slow.at(random_() % slow.size()));
    return std::async(std::launch::async, [delay, process] {
      std::this_thread::sleep_for(delay);
      return run(process);
    });
  }

  const Bench& bench_;
  fs::path folder_;
  std::mt19937_64 random_;
};

Words with_recipe(Words words, const std::string& recipe) {
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "--recipe") words[i + 1] = recipe;
  }
  return words;
}

std::string problem_of_builds(const TogetherReferences& references, const Tree& found,
                              const End& to_new, const End& to_old) {
  for (const End* end : {&to_new, &to_old}) {
    if (const std::string problem = problem_of(*end); !problem.empty()) return problem;
  }
  if (!to_new.ok() && !to_old.ok()) return "neither builds: " + to_new.err + to_old.err;
  const std::string from_new = difference(references.replace.new_output, found);
  const std::string from_old = difference(references.replace.old_output, found);
  if ((to_new.ok() && from_new.empty()) || (to_old.ok() && from_old.empty())) return "";
  return "exit codes " + std::to_string(to_new.code) + " and " + std::to_string(to_old.code) +
         ", but not cpu-int4 (" + from_new + ") nor cpu-fp32 (" + from_old + ")";
}

std::string problem_of_run(const TogetherReferences& references, const End& end) {
  if (!end.ok() || end.out == references.old_text || end.out == references.new_text) {
    return problem_of(end);
  }
  return "exit code 0 and an answer of neither package: " + end.out;
}

std::string problem_of_export(const TogetherReferences& references, const Tree& found,
                              const End& end) {
  if (!end.ok()) return found.empty() ? problem_of(end) : "it failed and left an export";
  const std::string from_new = difference(references.new_export, found);
  const std::string from_old = difference(references.old_export, found);
  if (from_new.empty() || from_old.empty()) return "";
  return "exit code 0, but of neither package: old (" + from_old + "), new (" + from_new + ")";
}

// A checkpoint of the same shapes with other weights, every seventh of another sign: where graphs of
// one package meet data of the other nothing fails, only the answer is neither's.
void write_other_checkpoint(const Bench& bench, const fs::path& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder.parent_path());
  fs::copy(bench.tiny / "checkpoint", folder);
  std::fstream file(folder / "model.safetensors", std::ios::binary | std::ios::in | std::ios::out);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  // The high byte of a bfloat16 or, every second time, of a float32.
  for (size_t at = sizeof header + header + 3; at < bytes.size(); at += 28) bytes[at] ^= '\x80';
  file.clear();
  file.seekp(0);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TogetherReferences together_references(const Bench& bench, const fs::path& scratch) {
  TogetherReferences out;
  out.replace = scenario_of(bench, "replace", scratch);
  out.reweigh = out.replace;
  const fs::path place = scratch / "reference-reweigh";
  write_other_checkpoint(bench, place / "checkpoint");
  Words words = out.replace.arguments;
  words[1] = "{}/checkpoint";
  if (const End end = run(process_of(bench, words, place, "")); !end.ok()) {
    throw std::runtime_error(end.err);
  }
  out.reweigh.before = out.reweigh.old_output = part(read_tree(place), {out.reweigh.output});
  fs::remove_all(place);
  const auto ask = [&](const Tree& package, std::string& text, Tree& exported) {
    const fs::path folder = scratch / "reference-together";
    fs::remove_all(folder);
    fs::create_directories(folder);
    write_tree(package, folder);
    const End answer = run(process_of(bench, run_words(), folder, ""));
    const End made = run(process_of(bench, export_words(), folder, ""));
    if (!answer.ok() || !made.ok()) throw std::runtime_error(answer.err + made.err);
    text = answer.out;
    exported = part(read_tree(folder), {"exported"});
    fs::remove_all(folder);
  };
  ask(out.reweigh.old_output, out.old_text, out.old_export);
  ask(out.reweigh.new_output, out.new_text, out.new_export);
  return out;
}

std::vector<std::string> together_names() {
  return {"two-builds", "two-first-builds", "build-and-run", "build-and-export"};
}

std::string try_together(const Bench& bench, const TogetherReferences& references,
                         const std::string& name, const fs::path& folder, uint64_t seed,
                         Found& found) {
  Scenario scenario = name.starts_with("two-") ? references.replace : references.reweigh;
  if (name == "two-first-builds") scenario.before = scenario.old_output = {};
  prepare(scenario, folder);
  Pair pair(bench, folder, seed);
  const Words build = scenario.arguments;
  std::string problem;
  if (name.starts_with("two-")) {
    const auto [to_new, to_old] = pair.run_both(build, with_recipe(build, "cpu-fp32"));
    const Tree package = part(read_tree(folder), {scenario.output});
    problem = problem_of_builds(references, package, to_new, to_old);
    const bool is_new = difference(scenario.new_output, package).empty();
    found = is_new ? Found::kNew : Found::kOld;
    if (!problem.empty()) return problem;
    scenario.old_output = references.replace.old_output;
  } else {
    const bool runs = name == "build-and-run";
    const auto [made, other] = pair.run_both(build, runs ? run_words() : export_words());
    const Judgement judged = judge(bench, scenario, folder, made);
    found = judged.found;
    if (!judged.problem.empty()) return "build: " + judged.problem;
    const Tree exported = part(read_tree(folder), {"exported"});
    problem =
        runs ? problem_of_run(references, other) : problem_of_export(references, exported, other);
    if (!problem.empty()) return (runs ? "run: " : "export: ") + problem;
    if (!made.ok()) return "build: " + made.err;
    fs::remove_all(folder / "exported");
  }
  return repeat(bench, scenario, folder);
}

}  // namespace lapidary::crash
