#include "calibration/data_config.h"

#include <fmt/core.h>

#include <optional>

namespace lapidary::calibration {
namespace {

constexpr int64_t kMostSamples = 1 << 20;
constexpr int64_t kLongestSequence = 1 << 20;

// "a.txt", ["a.txt", "b.jsonl"], or a list for each split: {"train": ...}.
void add_files(JsonReader& reader, const std::string& key, const std::filesystem::path& base,
               std::vector<std::filesystem::path>& files) {
  const Json& value = reader.raw(key);
  if (value.is_null()) return;
  if (value.is_string()) {
    files.push_back(base / reader.string(key));
    return;
  }
  if (!value.is_object()) {
    for (const std::string& file : reader.strings(key)) files.push_back(base / file);
    return;
  }
  JsonReader splits = reader.child(key);
  for (const auto& [split, unused] : value.items()) add_files(splits, split, base, files);
}

void read_dataset(JsonReader& reader, const std::filesystem::path& base, DataConfig& out) {
  out.dataset = reader.string("data_name");
  add_files(reader, "data_files", base, out.files);
  reader.ignore({"type", "subset", "split", "trust_remote_code", "batch_size"});
  if (reader.has("data_dir")) {
    reader.fail("data_dir", "is set", "name the files in data_files", ErrorKind::kUnsupported);
  }
  reader.ignore({"data_dir"});
  const bool of_files = out.dataset == "text" || out.dataset == "json";
  if (of_files && out.files.empty()) {
    reader.fail("data_files", "is missing", "name .txt or .jsonl files");
  }
  if (!of_files && !out.files.empty()) {
    reader.fail("data_name", fmt::format("is '{}', and there are data_files", out.dataset),
                "use \"text\" or \"json\"");
  }
}

void read_pre_process(JsonReader& reader, DataConfig& out) {
  const std::string strategy = reader.string_or("strategy", "line-by-line");
  if (strategy == "join") {
    out.strategy = Strategy::kJoin;
  } else if (strategy != "line-by-line") {
    reader.fail("strategy", fmt::format("is '{}'", strategy), "use \"line-by-line\" or \"join\"",
                ErrorKind::kUnsupported);
  }
  out.max_samples = reader.integer_or("max_samples", out.max_samples, {1, kMostSamples});
  out.max_seq_len = reader.integer_or("max_seq_len", out.max_seq_len, {2, kLongestSequence});
  out.add_special_tokens = reader.boolean_or("add_special_tokens", out.add_special_tokens);
  reader.ignore({"type", "text_cols", "joiner", "seed", "use_attention_mask", "random_seed"});
}

// Olive also takes what a section holds inside a "params" object.
template <typename Read>
void read_section(JsonReader& parent, const std::string& key, const Read& read) {
  std::optional<JsonReader> section = parent.optional_child(key);
  if (!section) return;
  if (std::optional<JsonReader> params = section->optional_child("params")) {
    read(*params);
    params->reject_unknown();
    section->ignore({"type"});
  } else {
    read(*section);
  }
  section->reject_unknown();
}

}  // namespace

DataConfig read_data_config(JsonReader& reader, const std::filesystem::path& base) {
  DataConfig out;
  out.name = reader.string("name");
  const std::string type = reader.string_or("type", "HuggingfaceContainer");
  if (type != "HuggingfaceContainer") {
    reader.fail("type", fmt::format("is '{}'", type), "use HuggingfaceContainer",
                ErrorKind::kUnsupported);
  }
  if (!reader.has("load_dataset_config")) reader.fail("load_dataset_config", "is missing");
  read_section(reader, "load_dataset_config",
               [&](JsonReader& section) { read_dataset(section, base, out); });
  read_section(reader, "pre_process_data_config",
               [&](JsonReader& section) { read_pre_process(section, out); });
  for (const char* code : {"user_script", "script_dir"}) {
    if (reader.has(code)) {
      reader.fail(code, "is set", "Python is not run here: give files", ErrorKind::kUnsupported);
    }
    reader.ignore({code});
  }
  reader.ignore({"post_process_data_config", "dataloader_config"});
  reader.reject_unknown();
  return out;
}

}  // namespace lapidary::calibration
