#include "crash/scenario.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <regex>
#include <stdexcept>

#include "base/cache_folder.h"

namespace lapidary::crash {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr const char* kPackage = "package";
constexpr const char* kExported = "exported";
constexpr const char* kModel = "model.onnx";
constexpr const char* kInput = "input.onnx";
constexpr const char* kCache = "cache";
constexpr const char* kBeside = "beside";  // the cache; leftovers of it may be links to there
constexpr int64_t kResumedAt = 220;        // calls of a CPU build: behind its second component

Words build_words(const Bench& bench, const std::string& recipe) {
  return {"build", (bench.tiny / "checkpoint").string(), "--recipe", recipe,
          "-o",    std::string("{}/") + kPackage,        "--force"};
}

Words htp_words(const Bench& bench) {
  Words out = build_words(bench, "htp-w8a16");
  const std::string chats = (bench.tiny / "corpus/chats_media.jsonl").string();
  for (const char* word :
       {"--arch", "v81", "--cache", "{}/cache", "--calibration", chats.c_str(), "--no-probe",
        "--set", "static.context_length=256", "--set", "static.prefill_length=32", "--set",
        "static.calibration_length=256", "--set", "build.audio_soft_tokens=48"}) {
    out.emplace_back(word);
  }
  return out;
}

Words export_words() {
  return {"export",   std::string("{}/") + kPackage,
          "-o",       std::string("{}/") + kExported,
          "--device", "cpu",
          "--force"};
}

// A pass that has nothing to do on a model that it made.
Words convert_words(const std::string& from, const std::string& to) {
  return {"convert",        from, "--pass", "MatMulNBitsToQDQ", "--set",
          "on_unsafe=keep", "-o", to,       "--force"};
}

fs::path fresh(const fs::path& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

void must_run(const Bench& bench, const Words& words, const fs::path& folder) {
  const End end = run(process_of(bench, words, folder, ""));
  if (!end.ok()) throw std::runtime_error("lapidary " + words[0] + " fails: " + end.err);
}

// What is in the folder once these have run.
Tree made_by(const Bench& bench, const std::vector<Words>& commands, const fs::path& folder) {
  fresh(folder);
  for (const Words& words : commands) must_run(bench, words, folder);
  Tree out = read_tree(folder);
  fs::remove_all(folder);
  return out;
}

void add(Tree& to, const Tree& from) { to.insert(from.begin(), from.end()); }

Scenario build_scenario(const Bench& bench, const std::string& name, const fs::path& scratch) {
  Scenario out;
  out.name = name;
  out.arguments = build_words(bench, "cpu-int4");
  out.output = kPackage;
  out.new_output = made_by(bench, {out.arguments}, scratch);
  if (name == "build") return out;
  out.before = out.old_output = made_by(bench, {build_words(bench, "cpu-fp32")}, scratch);
  if (name == "replace") return out;
  // resume: what a killed build leaves beside the old package.
  prepare(out, fresh(scratch) / "killed");
  const std::string mode = "kill:" + std::to_string(kResumedAt);
  const End end = run(process_of(bench, out, scratch / "killed", mode));
  if (end.signal == 0) throw std::runtime_error("the build to resume was not killed");
  out.before = read_tree(scratch / "killed");
  fs::remove_all(scratch);
  return out;
}

Scenario export_scenario(const Bench& bench, const std::string& name, const fs::path& scratch) {
  Scenario out;
  out.name = name;
  out.arguments = export_words();
  out.output = kExported;
  out.inputs = {kPackage};
  const Tree all = made_by(bench, {build_words(bench, "cpu-int4"), out.arguments}, scratch);
  out.before = part(all, out.inputs);
  out.new_output = part(all, {kExported});
  if (name == "export") return out;
  out.old_output =
      part(made_by(bench, {build_words(bench, "cpu-fp32"), out.arguments}, scratch), {kExported});
  add(out.before, out.old_output);
  return out;
}

Scenario convert_scenario(const Bench& bench, const std::string& name, const fs::path& scratch) {
  Scenario out;
  out.name = name;
  out.output = kModel;
  out.is_model = true;
  const std::string data = ".data";
  out.inputs = {kInput, kInput + data};
  out.arguments = convert_words(std::string("{}/") + kInput, std::string("{}/") + kModel);
  const auto converted = [&](const std::string& component, const std::string& as) {
    const std::string from = std::string("{}/") + kPackage + "/" + component + "/model.onnx";
    return part(
        made_by(bench, {build_words(bench, "cpu-int4"), convert_words(from, "{}/" + as)}, scratch),
        {as, as + data});
  };
  out.before = converted("decoder", kInput);
  write_tree(out.before, fresh(scratch));
  must_run(bench, out.arguments, scratch);
  out.new_output = output_of(bench, out, scratch);
  fs::remove_all(scratch);
  if (name == "convert") return out;
  add(out.before, converted("audio_encoder", kModel));
  write_tree(out.before, fresh(scratch));
  out.old_output = output_of(bench, out, scratch);
  fs::remove_all(scratch);
  return out;
}

void must(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error().message());
}

std::string cache_key(const char* last) { return std::string(31, '0') + last; }
constexpr std::array kContexts = {"1", "2", "3"};
constexpr const char* kVerdict = "4";

Tree made_context() {
  return {{"context.bin", std::string(3000, 'b')},
          {"sub/", ""},
          {"sub/context.onnx", std::string(500, 'o')}};
}

void fill_cache(const CacheFolder& cache, const fs::path& made) {
  write_tree(made_context(), fresh(made));
  for (const char* last : kContexts) {
    must(cache.store(CacheKind::kContext, cache_key(last), made));
  }
  must(cache.store_text(CacheKind::kProbe, cache_key(kVerdict), "{}"));
  fs::remove_all(made);
}

CacheFolder opened_cache(const fs::path& folder) {
  auto cache = CacheFolder::open(folder);
  must(cache.ok() ? Status() : Status(cache.error()));
  return *std::move(cache);
}

// Four entries of two kinds, what killed processes left, and what is not of Lapidary.
Tree filled_cache(const fs::path& folder) {
  fill_cache(opened_cache(fresh(folder) / kCache), folder / "made");
  const fs::path contexts = folder / kCache / "contexts";
  const fs::path killed = contexts / (cache_key("5") + ".1.0.partial");
  fs::create_directories(killed);
  std::ofstream(killed / "context.bin") << "half";
  fs::create_symlink(fs::path("../..") / kBeside, contexts / (cache_key("6") + ".1.0.removed"));
  std::ofstream(folder / kCache / "letter.txt") << "dear";
  Tree out = part(read_tree(folder), {kCache});
  fs::remove_all(folder);
  return out;
}

Scenario cache_scenario(const Bench& bench, const std::string& name, const fs::path& scratch) {
  Scenario out;
  out.name = name;
  out.is_cache = true;
  out.output = kCache;
  const std::string cache = std::string("{}/") + kCache;
  out.arguments = {"cache", "clear", "--cache", cache};
  // Two of the three large entries have to go.
  if (name == "cache-prune")
    out.arguments = {"cache", "prune", "--max-size", "6kB", "--cache", cache};
  out.before = out.old_output = filled_cache(scratch);
  out.inputs = {kBeside};
  add(out.before, {{std::string(kBeside) + "/", ""}, {std::string(kBeside) + "/mine.bin", "mine"}});
  prepare(out, scratch);
  must_run(bench, out.arguments, scratch);
  out.new_output = part(read_tree(scratch), {kCache});
  fs::remove_all(scratch);
  return out;
}

Scenario htp_scenario(const Bench& bench, const std::string& name, const fs::path& scratch) {
  Scenario out;
  out.name = name;
  out.arguments = htp_words(bench);
  out.output = kPackage;
  out.ignored = {"cache"};
  out.is_compiled = true;
  const Tree all = made_by(bench, {out.arguments}, scratch);
  out.new_output = part(all, {kPackage});
  if (name == "htp-cached") out.before = part(all, {"cache"});
  return out;
}

}  // namespace

std::vector<std::string> scenario_names() {
  return {"build",   "replace",         "resume",      "export",     "export-replace",
          "convert", "convert-replace", "cache-prune", "cache-clear"};
}

std::vector<std::string> htp_scenario_names() { return {"htp", "htp-cached"}; }

Scenario scenario_of(const Bench& bench, const std::string& name, const fs::path& scratch) {
  const fs::path folder = scratch / ("reference-" + name);
  if (name.starts_with("export")) return export_scenario(bench, name, folder);
  if (name.starts_with("convert")) return convert_scenario(bench, name, folder);
  if (name.starts_with("cache")) return cache_scenario(bench, name, folder);
  if (name.starts_with("htp")) return htp_scenario(bench, name, folder);
  return build_scenario(bench, name, folder);
}

void prepare(const Scenario& scenario, const fs::path& folder) {
  write_tree(scenario.before, fresh(folder));
}

Process process_of(const Bench& bench, const Words& arguments, const fs::path& folder,
                   const std::string& mode, const fs::path& counter) {
  Process out;
  out.words = {bench.program.string()};
  for (std::string word : arguments) {
    if (const size_t at = word.find("{}"); at != std::string::npos) {
      word.replace(at, 2, folder.string());
    }
    out.words.push_back(std::move(word));
  }
  if (mode.empty()) return out;
  out.environment = {"LD_PRELOAD=" + bench.shim.string(), "LAPIDARY_CRASH=" + mode,
                     "LAPIDARY_CRASH_ROOT=" + folder.string()};
  if (!counter.empty()) {
    std::ofstream(counter, std::ios::binary) << std::string(sizeof(uint64_t), '\0');
    out.environment.push_back("LAPIDARY_CRASH_COUNTER=" + counter.string());
  }
  return out;
}

Process process_of(const Bench& bench, const Scenario& scenario, const fs::path& folder,
                   const std::string& mode, const fs::path& counter) {
  Process out = process_of(bench, scenario.arguments, folder, mode, counter);
  // The vendor's compiler takes twenty seconds of a core, which a busy machine makes minutes.
  if (scenario.is_compiled) out.limit = std::chrono::seconds(900);
  return out;
}

Tree output_of(const Bench& bench, const Scenario& scenario, const fs::path& folder) {
  if (!scenario.is_model) return part(read_tree(folder), {scenario.output});
  if (!fs::exists(folder / scenario.output)) return {};
  static std::atomic<int> number = 0;
  const fs::path place = fs::temp_directory_path() / ("crash-model-" + std::to_string(getpid()) +
                                                      "-" + std::to_string(++number));
  fresh(place);
  const End end = run(process_of(
      bench, convert_words("{}/" + scenario.output, (place / kModel).string()), folder, ""));
  Tree out = read_tree(place);
  fs::remove_all(place);
  if (!end.ok()) throw std::runtime_error(scenario.output + " cannot be read: " + end.err);
  return out;
}

std::string problem_of(const End& end) {
  if (end.hung) return "it was not done after " + std::to_string(end.seconds) + " s";
  if (end.signal != 0 && end.signal != SIGKILL) {
    return "it died of signal " + std::to_string(end.signal) + ": " + end.err;
  }
  const bool silent = end.err.find("lapidary: error: ") == std::string::npos;
  if (end.code > 0 && silent) return "exit code without a message: " + end.err;
  return "";
}

namespace {

// Without the numbers of the vendor's graphs, and the checksums of the files that have them.
Tree unnumbered(const Tree& tree) {
  static const std::regex number("QNN_QNN_[0-9]+_[0-9]+_[0-9]+");
  static const std::regex checksum("\"xxh3\": *\"[0-9a-f]+\"");
  Tree out;
  for (const auto& [path, content] : tree) {
    const fs::path name = fs::path(path).filename();
    if (name.extension() == ".onnx" || name.extension() == ".bin") {
      out[path] = std::regex_replace(content, number, "QNN");
    } else if (name == "lapidary.json") {
      out[path] = std::regex_replace(content, checksum, "");
    } else {
      out[path] = content;
    }
  }
  return out;
}

}  // namespace

namespace {

// The files of what is named as entries are: by 32 hex digits. Everything that a reader may take.
Tree entries_of(const Tree& cache) {
  static const std::regex entry("[^/]+/[a-z]+/[0-9a-f]{32}(/.*)?");
  Tree out;
  for (const auto& [path, content] : cache) {
    if (std::regex_match(path, entry)) out[path] = content;
  }
  return out;
}

// "cache/contexts/KEY"
std::string entry_of(const std::string& path) {
  size_t end = path.find('/', path.find('/', path.find('/') + 1) + 1);
  return path.substr(0, end);
}

// As a build takes them: each entry is found whole or not at all. False: not at all.
bool is_found(const CacheFolder& cache, const char* last, const fs::path& to) {
  const auto found = cache.fetch(CacheKind::kContext, cache_key(last), to);
  must(found.ok() ? Status() : Status(found.error()));
  if (!*found) return false;
  const std::string differs = difference(made_context(), read_tree(to));
  if (!differs.empty()) throw std::runtime_error("a build would use half an entry: " + differs);
  return true;
}

bool is_verdict_found(const CacheFolder& cache) {
  const auto text = cache.fetch_text(CacheKind::kProbe, cache_key(kVerdict));
  if (text && *text != "{}")
    throw std::runtime_error("a build would use another verdict: " + *text);
  return text.has_value();
}

// What a build that comes next finds in it and what the one after that does, on a copy.
std::string problem_of_builds(const Tree& found, const fs::path& copy) {
  std::string problem;
  try {
    write_tree(found, fresh(copy));
    const CacheFolder cache = opened_cache(copy / kCache);
    const auto is_there = [&](const std::string& kind, const char* last) {
      return found.contains(std::string(kCache) + "/" + kind + "/" + cache_key(last) + "/");
    };
    const auto expect = [&](bool expected, bool is, const char* last) {
      if (expected != is && problem.empty())
        problem = cache_key(last) + ": a build finds otherwise";
    };
    for (const char* last : kContexts) {
      expect(is_there("contexts", last), is_found(cache, last, copy / "got"), last);
    }
    expect(is_there("probes", kVerdict), is_verdict_found(cache), kVerdict);
    fill_cache(cache, copy / "made");
    for (const char* last : kContexts) expect(true, is_found(cache, last, copy / "got"), last);
    expect(true, is_verdict_found(cache), kVerdict);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  fs::remove_all(copy);
  return problem;
}

Judgement judge_cache(const Scenario& scenario, const Tree& found, const fs::path& folder) {
  Judgement out;
  const Tree before = entries_of(scenario.before);
  const Tree left = entries_of(found);
  for (const auto& [path, content] : left) {
    const std::string entry = entry_of(path);
    const std::string differs = difference(part(before, {entry}), part(left, {entry}));
    if (!differs.empty()) out.problem = "half an entry: " + differs;
  }
  for (const auto& [path, content] : entries_of(scenario.new_output)) {
    if (!left.contains(path)) out.problem = "an entry that should stay is gone: " + path;
  }
  const std::string letter = scenario.output + "/letter.txt";
  const std::string stranger = difference(part(scenario.before, {letter}), part(found, {letter}));
  if (!stranger.empty()) out.problem = "what is not of the cache: " + stranger;
  out.found = difference(scenario.new_output, found).empty() ? Found::kNew : Found::kOld;
  if (out.problem.empty()) out.problem = problem_of_builds(found, folder.string() + ".copy");
  return out;
}

}  // namespace

Judgement judge_folder(const Bench& bench, const Scenario& scenario, const fs::path& folder) {
  Judgement out;
  Tree found;
  try {
    found = output_of(bench, scenario, folder);
  } catch (const std::exception& problem) {
    out.problem = problem.what();
    return out;
  }
  const std::string changed =
      difference(part(scenario.before, scenario.inputs), part(read_tree(folder), scenario.inputs));
  if (scenario.is_cache) {
    out = judge_cache(scenario, found, folder);
    if (!changed.empty()) out.problem = "what is beside the cache has changed: " + changed;
    return out;
  }
  const std::string from_old = difference(scenario.old_output, found);
  const std::string from_new = scenario.is_compiled
                                   ? difference(unnumbered(scenario.new_output), unnumbered(found))
                                   : difference(scenario.new_output, found);
  if (from_new.empty()) {
    out.found = Found::kNew;
  } else if (from_old.empty()) {
    out.found = found.empty() ? Found::kNothing : Found::kOld;
  } else if (found.empty()) {
    out.problem = "the old output is gone";
  } else {
    out.problem = "neither old (" + from_old + ") nor new (" + from_new + ")";
  }
  if (out.problem.empty() && !changed.empty()) out.problem = "an input has changed: " + changed;
  if (!out.problem.empty() || scenario.is_model || found.empty()) return out;
  const End verified =
      run(process_of(bench, {"inspect", "{}/" + scenario.output, "--verify"}, folder, ""));
  if (!verified.ok()) out.problem = "inspect --verify: " + verified.err;
  return out;
}

Judgement judge(const Bench& bench, const Scenario& scenario, const fs::path& folder,
                const End& end) {
  Judgement out = judge_folder(bench, scenario, folder);
  if (out.problem.empty()) out.problem = problem_of(end);
  if (out.problem.empty() && end.ok() && out.found != Found::kNew) {
    out.problem = "exit code 0 without the new output";
  }
  return out;
}

std::string repeat(const Bench& bench, const Scenario& scenario, const fs::path& folder) {
  const End end = run(process_of(bench, scenario, folder, ""));
  if (const std::string problem = problem_of(end); !problem.empty())
    return "the next one: " + problem;
  if (!end.ok()) return "the next one fails: " + (end.signal != 0 ? "it was killed" : end.err);
  const Judgement after = judge(bench, scenario, folder, end);
  if (!after.problem.empty()) return "after the next one: " + after.problem;
  for (const auto& [path, content] : read_tree(folder)) {
    std::vector<std::string> names = {scenario.output};
    if (scenario.is_model) names.push_back(scenario.output + ".data");
    names.insert(names.end(), scenario.inputs.begin(), scenario.inputs.end());
    names.insert(names.end(), scenario.ignored.begin(), scenario.ignored.end());
    if (part({{path, content}}, names).empty()) return "after the next one there is " + path;
  }
  return "";
}

}  // namespace lapidary::crash
