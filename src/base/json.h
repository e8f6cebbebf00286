// JSON documents with errors that name the file and the key path.
//
//   LAP_ASSIGN_OR_RETURN(JsonDocument doc, JsonDocument::load(path));
//   JsonReader text = doc.root().child("text_config");
//   int64_t layers = text.integer("num_hidden_layers", {.min = 1});
//   std::string act = text.string_or("hidden_activation", "gelu_pytorch_tanh");
//   text.reject_unknown();              // a key of it that was not asked for is an error
//   LAP_RETURN_IF_ERROR(doc.finish());  // the first error of all reads
//
// Reads never fail on the spot: a bad value records the first error in the document and yields a
// harmless default, so that a typed loader is a plain list of fields. `finish` then reports it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace lapidary {

using Json = nlohmann::ordered_json;

// The most bytes of a document whose reader names no other bound: configurations, recipes,
// manifests, indices, journals. The largest of them that are known, indices of models of a terabyte,
// have 10 MB.
inline constexpr uint64_t kMostJsonBytes = 16U << 20;

// Parses strict JSON (no comments, no trailing bytes; duplicate keys in one object are an error).
// `where` names the source in messages. Refuses what has more than `max_bytes`, more than one value
// for every 16 of them, or more than 256 levels: a document takes at most 12 times `max_bytes` of
// memory, however it is made.
Result<Json> parse_json(std::string_view text, const std::string& where,
                        uint64_t max_bytes = kMostJsonBytes);
// Empties a document without taking memory. Destructors of Json take 16 bytes for each value, and
// where there are none, they end the process: noexcept functions cannot throw.
void dismantle(Json& document) noexcept;
// An integer of 64 bits with sign; nothing for what is no integer or does not fit. (nlohmann's
// get<int64_t> wraps numbers beyond INT64_MAX, cuts the fraction off others and takes no offence.)
std::optional<int64_t> integer_of(const Json& value);
// Reads and parses a file under the same bounds.
Result<Json> load_json(const std::filesystem::path& path, uint64_t max_bytes = kMostJsonBytes);

struct IntegerRange {
  int64_t min = std::numeric_limits<int64_t>::min();
  int64_t max = std::numeric_limits<int64_t>::max();
};
struct NumberRange {
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
};
// For numbers that become float32: a larger one would become infinite, or anything.
inline constexpr NumberRange kFloat32Range = {
    .min = static_cast<double>(std::numeric_limits<float>::lowest()),
    .max = static_cast<double>(std::numeric_limits<float>::max())};

// Reads one JSON object. Remembers which keys were asked for; the others are unknown.
class JsonReader {
 public:
  // `passed_over` collects what pass_over_unknown() finds; null: nobody wants to know.
  JsonReader(const Json* object, std::string path, std::shared_ptr<std::optional<Error>> error,
             std::string where, std::shared_ptr<std::vector<std::string>> passed_over = nullptr);

  bool has(const std::string& key) const;      // present and not null
  bool has_key(const std::string& key) const;  // present, perhaps null
  const std::string& path() const { return path_; }
  const Json& json() const { return *object_; }

  // Required values.
  int64_t integer(const std::string& key, IntegerRange range = {});
  double number(const std::string& key, NumberRange range = {});
  bool boolean(const std::string& key);
  std::string string(const std::string& key);
  // Values with a default, used when the key is absent or null.
  int64_t integer_or(const std::string& key, int64_t fallback, IntegerRange range = {});
  double number_or(const std::string& key, double fallback, NumberRange range = {});
  bool boolean_or(const std::string& key, bool fallback);
  std::string string_or(const std::string& key, std::string fallback);
  std::optional<int64_t> optional_integer(const std::string& key, IntegerRange range = {});
  std::optional<double> optional_number(const std::string& key, NumberRange range = {});
  std::optional<bool> optional_boolean(const std::string& key);
  std::optional<std::string> optional_string(const std::string& key);
  // Arrays; an absent key yields an empty vector.
  std::vector<int64_t> integers(const std::string& key, IntegerRange range = {});
  std::vector<double> numbers(const std::string& key, NumberRange range = {});
  std::vector<std::string> strings(const std::string& key);
  // A nested object. A missing or mistyped one records an error and yields an empty reader.
  JsonReader child(const std::string& key);
  std::optional<JsonReader> optional_child(const std::string& key);
  // The elements of an array of objects. Anything else, and a missing key, records an error and
  // yields none.
  std::vector<JsonReader> objects(const std::string& key, const std::string& remedy = {});
  // The raw value, or null when absent. Marks the key as known.
  const Json& raw(const std::string& key);
  // Marks keys as known without reading them (documented as having no meaning here).
  void ignore(std::initializer_list<const char*> keys);
  // Records an error for every key not asked for so far.
  void reject_unknown(const std::string& remedy = {});
  // Instead: leaves them alone, and JsonDocument::passed_over() has their paths.
  void pass_over_unknown();
  // Records a domain error about `key`, e.g. an unsupported value.
  void fail(const std::string& key, const std::string& what, const std::string& remedy = {},
            ErrorKind kind = ErrorKind::kBadInput);
  Status status() const;

 private:
  const Json* find(const std::string& key);

  const Json* object_;
  std::string path_;
  std::shared_ptr<std::optional<Error>> error_;
  std::string where_;
  std::shared_ptr<std::vector<std::string>> passed_over_;
  std::set<std::string> known_;
};

// Owns a document and the first error of its readers.
class JsonDocument {
 public:
  static Result<JsonDocument> load(const std::filesystem::path& path);  // kMostJsonBytes
  static Result<JsonDocument> parse(std::string_view text, const std::string& where,
                                    uint64_t max_bytes = kMostJsonBytes);

  JsonReader root() const;
  const Json& json() const { return *json_; }
  Status finish() const;
  // Paths of the keys that its readers passed over: "text_config.comment".
  const std::vector<std::string>& passed_over() const { return *passed_over_; }

 private:
  JsonDocument(Json json, std::string where);

  std::shared_ptr<const Json> json_;
  std::shared_ptr<std::optional<Error>> error_;
  std::string where_;
  std::shared_ptr<std::vector<std::string>> passed_over_;
};

}  // namespace lapidary
