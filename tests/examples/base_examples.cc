// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <fcntl.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/cache_entry.h"
#include "base/cache_files.h"
#include "base/cache_folder.h"
#include "base/dtype.h"
#include "base/file_set.h"
#include "base/files.h"
#include "base/folder_handle.h"
#include "base/guarded_mapping.h"
#include "base/input_file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_scanner.h"
#include "base/open_beneath.h"
#include "base/result.h"
#include "checkpoint/test_files.h"
#include "example.h"
#include "quant/ranges.h"
#include "base/progress.h"
#include "base/scratch_folder.h"
#include "base/stopwatch.h"
#include "base/work.h"
#include "base/testing/compare.h"
#include "base/testing/fuzz.h"
#include "base/testing/recording_sink.h"
#include "base/testing/source_dir.h"

namespace lapidary::examples {

struct Config {
  int64_t layers = 0;
};

Status file_set_example() {
  // [base/file_set.h]
  FileSet files = std::filesystem::path("models/tiny-gemma4/checkpoint");
  if (files.has("config.json")) {
    LAP_ASSIGN_OR_RETURN(std::string text, files.read("config.json"));
    use(text, files.where("config.json"));  // ".../checkpoint/config.json"
  }
  // [end]
  return {};
}

TEST(BaseExamples, FileSet) {
  const Status status = file_set_example();
  EXPECT_TRUE(status.ok()) << status.error().message();
}

TEST(BaseExamples, DType) {
  // [base/dtype.h]
  const int64_t bytes = bytes_of(DType::kInt4, 3);  // 2: two codes a byte, the last byte padded
  const IntegerLimits codes = *integer_limits(DType::kInt4);  // -8 to 7
  const std::optional<DType> type = dtype_named("uint16");    // name_of is the inverse
  // [end]
  EXPECT_EQ(bytes, 2);
  EXPECT_EQ(codes, (IntegerLimits{-8, 7}));
  EXPECT_EQ(type, DType::kUint16);
}

Status hash_example() {
  // [base/hash.h]
  LAP_ASSIGN_OR_RETURN(std::string hash, file_hash("pkg/decoder/model.onnx.data", {}));
  // [end]
  // [base/hash.h]
  Fingerprint print;
  print.add(hash);
  print.add("int4");
  const std::string key = print.hex();
  // [end]
  EXPECT_EQ(key.size(), 32U);
  return {};
}

Result<Config> load(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(JsonDocument doc, JsonDocument::load(path));
  Config config;
  config.layers = doc.root().integer("layers");
  LAP_RETURN_IF_ERROR(doc.finish());
  return config;
}

Status result_example(const std::filesystem::path& path) {
  // [base/result.h]
  Result<Config> load(const std::filesystem::path& path);
  LAP_ASSIGN_OR_RETURN(Config config, load(path));  // in a function returning Result or Status
  if (auto r = load(path); !r.ok()) print(r.error().message());
  // [end]
  EXPECT_EQ(config.layers, 3);
  return {};
}

Status cache_folder_example(const std::string& key, const std::filesystem::path& products) {
  // [base/cache_folder.h]
  LAP_ASSIGN_OR_RETURN(const CacheFolder cache, CacheFolder::open("/home/me/.cache/lapidary"));
  LAP_ASSIGN_OR_RETURN(const bool found, cache.fetch(CacheKind::kContext, key, products));
  if (!found) LAP_RETURN_IF_ERROR(cache.store(CacheKind::kContext, key, products));
  // [end]
  return {};
}

Status cache_entry_example(const FileHandle& folder, const cache_files::EntryId& id,
                           const std::string& text) {
  using cache_files::EntryWriter;
  // [base/cache_entry.h]
  LAP_ASSIGN_OR_RETURN(EntryWriter writer, EntryWriter::begin(folder, id));
  LAP_RETURN_IF_ERROR(writer.add_text("text", text));
  LAP_RETURN_IF_ERROR(writer.commit());
  // [end]
  return {};
}

Status cache_files_example(const std::string& path) {
  // [base/cache_files.h]
  LAP_ASSIGN_OR_RETURN(const FileHandle root, cache_files::open_folder(AT_FDCWD, path, path));
  LAP_RETURN_IF_ERROR(cache_files::check_private(root, path));
  cache_files::remove_tree(root.fd(), "old");
  // [end]
  return {};
}

Status folder_handle_example(const std::string& path) {
  // [base/folder_handle.h]
  LAP_ASSIGN_OR_RETURN(const FileHandle folder, open_folder_at(AT_FDCWD, path, path));
  const auto is_old = [](const std::string& file, mode_t) { return file.ends_with(".old"); };
  LAP_RETURN_IF_ERROR(remove_below(folder, path, is_old));
  // [end]
  return {};
}

Error refusal() { return bad_input("folder", "is left by a link"); }

Status open_beneath_example(int folder) {
  // [base/open_beneath.h]
  const Opened opened = open_beneath(folder, "decoder/model.onnx", O_RDONLY | O_NONBLOCK);
  if (opened.error == kLeadsOut) return refusal();
  // [end]
  return {};
}

Status json_example(const std::filesystem::path& path) {
  // [base/json.h]
  LAP_ASSIGN_OR_RETURN(JsonDocument doc, JsonDocument::load(path));
  JsonReader text = doc.root().child("text_config");
  int64_t layers = text.integer("num_hidden_layers", {.min = 1});
  std::string act = text.string_or("hidden_activation", "gelu_pytorch_tanh");
  text.reject_unknown();              // a key of it that was not asked for is an error
  LAP_RETURN_IF_ERROR(doc.finish());  // the first error of all reads
  // [end]
  EXPECT_EQ(layers, 4);
  EXPECT_EQ(act, "gelu_pytorch_tanh");
  return {};
}

TEST(BaseExamples, Result) {
  const checkpoint::TempDir dir;
  expect_ok(result_example(dir.write("good.json", Json{{"layers", 3}})));
  EXPECT_FALSE(result_example(dir.write("bad.json", Json{{"layers", "three"}})).ok());
}

TEST(BaseExamples, JsonRefusesAKeyThatNobodyAskedFor) {
  const checkpoint::TempDir dir;
  Json json;
  json["text_config"]["num_hidden_layers"] = 4;
  expect_ok(json_example(dir.write("good.json", json)));
  json["text_config"]["hidden_activations"] = "gelu";
  EXPECT_FALSE(json_example(dir.write("bad.json", json)).ok());
}

Status scratch_folder_example(const std::function<Status(const std::filesystem::path&)>& work) {
  // [base/scratch_folder.h]
  LAP_ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::create());
  LAP_RETURN_IF_ERROR(work(scratch->path()));
  // [end]
  return {};
}

void compare_example(const std::vector<float>& actual, const std::vector<float>& expected,
                     size_t width) {
  // [base/testing/compare.h]
  EXPECT_TRUE(all_near(actual, expected, 1e-4));            // names the worst value, and where
  EXPECT_GE(lowest_cosine(actual, expected, width), 0.9999);
  // [end]
}

double measure_example(
    const std::vector<std::pair<std::vector<float>, std::vector<float>>>& pairs) {
  // [base/testing/compare.h]
  double worst = 0;
  for (const auto& [a, b] : pairs) worst = larger(worst, max_difference(a, b));  // keeps a NaN
  // [end]
  return worst;
}

void recording_sink_example(const std::function<Status(const Work&)>& long_work) {
  // [base/testing/recording_sink.h]
  RecordingSink sink(begin_of("decoder"));  // ends the work there; without an argument, nowhere
  EXPECT_FALSE(long_work(sink.work()).ok());
  EXPECT_EQ(sink.last().unit, Unit::kBytes);
  // [end]
}

Result<Json> source_dir_example() {
  // [base/testing/source_dir.h]
  const auto golden = load_json(source_dir() / "tests/golden/sampler.json");
  // [end]
  return golden;
}

Status json_scanner_example(std::string_view text, const std::string& where) {
  // [base/json_scanner.h]
  JsonScanner scanner(text);
  scanner.enter('{');
  for (std::string_view key; scanner.next_key(key);) {
    int64_t id = 0;
    scanner.integer(id);
  }
  if (!scanner.ok()) return bad_input(where, scanner.problem());
  // [end]
  return {};
}

Status input_file_example(const std::filesystem::path& path) {
  // [base/input_file.h]
  LAP_ASSIGN_OR_RETURN(const InputFile file, InputFile::open(path));
  std::vector<std::byte> head(std::min<size_t>(file.size(), 64));
  LAP_RETURN_IF_ERROR(file.read(0, head));
  // [end]
  return {};
}

void use(const void*, size_t) {}

Status guarded_mapping_example(const InputFile& file, const void* data, size_t size) {
  // [base/guarded_mapping.h]
  guard_mappings();                     // once, in main
  const GuardedMapping mapping(data, size);
  use(data, size);
  if (mapping.lost()) return file.lost_bytes();
  // [end]
  return {};
}

struct Sample {};
void run(const Sample&) {}

void progress_example(ProgressSink& sink, const std::vector<Sample>& samples) {
  // [base/progress.h]
  sink.stage("calibrate", samples.size(), Unit::kSamples);
  for (const Sample& sample : samples) {
    run(sample);
    sink.advance(1);
  }
  // [end]
}

void fuzz_example(const Json& json, size_t size) {
  // [base/testing/fuzz.h]
  const fuzzing::MemoryBound bound(size);
  const auto ranges = quant::Ranges::from_json(json, "fuzz");
  if (fuzzing::accepted(ranges)) fuzzing::require(ranges->to_json() == json, "it changed");
  // [end]
}

struct Timed {
  double seconds = 0;
};
void work_for_a_while() {}

double stopwatch_example() {
  Timed result;
  // [base/stopwatch.h]
  const Stopwatch watch;
  work_for_a_while();
  result.seconds = watch.seconds();
  // [end]
  return result.seconds;
}

struct File {
  uint64_t bytes = 0;
};
using Files = std::vector<File>;
uint64_t bytes_of(const Files& files) { return files.size(); }
void hash(const File&, size_t) {}

// [base/work.h]
Status hash_all(const Files& files, const Work& work) {
  work.stage("checksums", bytes_of(files), Unit::kBytes);
  for (const File& file : files) {
    if (work.is_cancelled()) return cancelled();
    hash(file, work.threads);
    work.advance(file.bytes);
  }
  return {};
}
// [end]

TEST(BaseExamples, JsonScanner) {
  expect_ok(json_scanner_example(R"({"a": 1, "b": 2})", "vocab"));
  EXPECT_FALSE(json_scanner_example(R"({"a": "no integer"})", "vocab").ok());
}

TEST(BaseExamples, InputFile) {
  const checkpoint::TempDir dir;
  const std::string path = dir.write("small.json", Json{{"layers", 3}}).string();
  expect_ok(input_file_example(path));
  EXPECT_FALSE(input_file_example(path + ".none").ok());
  const std::string bytes = "any";
  expect_ok(guarded_mapping_example(InputFile::open(path).value(), bytes.data(), bytes.size()));
}

}  // namespace lapidary::examples
