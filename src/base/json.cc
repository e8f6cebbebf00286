#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/input_file.h"

namespace lapidary {
namespace {

// Builds a document while refusing duplicate keys, absurd nesting and more values than there may
// be, all of which nlohmann's DOM parser accepts in silence.
class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  static constexpr size_t kMaxDepth = 256;

  explicit StrictBuilder(uint64_t most_values) : most_values_(most_values) {}
  ~StrictBuilder() override { dismantle(root); }
  StrictBuilder(const StrictBuilder&) = delete;
  StrictBuilder& operator=(const StrictBuilder&) = delete;

  Json root;
  std::string problem;

  bool null() override { return put(nullptr); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(number_integer_t v) override { return put(v); }
  bool number_unsigned(number_unsigned_t v) override { return put(v); }
  bool number_float(number_float_t v, const string_t&) override { return put(v); }
  bool string(string_t& v) override { return put(std::move(v)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) {
      problem = fmt::format("key '{}' appears twice in one object", name);
      return false;
    }
    key_ = name;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    problem = fmt::format("not valid JSON at byte {}", position);
    return false;
  }

 private:
  template <typename T>
  bool put(T&& value) {
    if (!count()) return false;
    add(Json(std::forward<T>(value)));
    return true;
  }
  bool count() {
    if (++values_ <= most_values_) return true;
    problem =
        fmt::format("holds more than the {} values a file of this kind may have", most_values_);
    return false;
  }
  Json* add(Json value) {
    if (stack_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    // Keys are known to be new (see `key`), so append without ordered_map's linear search.
    auto& object = parent.get_ref<Json::object_t&>();
    object.push_back({key_, std::move(value)});
    return &object.back().second;
  }
  bool open(Json container) {
    if (stack_.size() >= kMaxDepth) {
      problem = fmt::format("nested more than {} levels deep", kMaxDepth);
      return false;
    }
    if (!count()) return false;
    stack_.push_back(add(std::move(container)));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    stack_.pop_back();
    keys_.pop_back();
    return true;
  }

  uint64_t most_values_;
  uint64_t values_ = 0;
  std::vector<Json*> stack_;
  std::vector<std::set<std::string>> keys_;
  std::string key_;
};

const Json& null_json() {
  static const Json value;
  return value;
}
const Json& empty_object() {
  static const Json value = Json::object();
  return value;
}

std::string type_of(const Json& value) {
  if (value.is_number_integer()) return "an integer";
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a boolean";
    default:
      return "a number";
  }
}

// A remedy; "" for more keys than one reads through.
std::string listed(const std::set<std::string>& keys) {
  constexpr size_t kMost = 24;
  if (keys.empty() || keys.size() > kMost) return "";
  return fmt::format("known keys: {}", fmt::join(keys, ", "));
}

}  // namespace

void dismantle(Json& document) noexcept {
  if (auto* array = document.get_ptr<Json::array_t*>()) {
    for (Json& item : *array) dismantle(item);
    array->clear();
  } else if (auto* object = document.get_ptr<Json::object_t*>()) {
    for (auto& [key, item] : *object) dismantle(item);
    object->clear();
  }
}

Result<Json> parse_json(std::string_view text, const std::string& where, uint64_t max_bytes) {
  if (text.size() > max_bytes) return too_large(where, text.size(), max_bytes);
  constexpr uint64_t kFewest = 1024;
  StrictBuilder builder(std::max(max_bytes / 16, kFewest));
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return bad_input(where, builder.problem.empty() ? "not valid JSON" : builder.problem);
  }
  // nlohmann's parser takes a zero byte for the end of the text and does not look behind it.
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return bad_input(where, fmt::format("not valid JSON at byte {}", zero + 1));
  }
  return std::move(builder.root);
}

std::optional<int64_t> integer_of(const Json& value) {
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return std::nullopt;
  }
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<int64_t>();
}

Result<Json> load_json(const std::filesystem::path& path, uint64_t max_bytes) {
  LAP_ASSIGN_OR_RETURN(const std::string text, read_file(path, max_bytes));
  if (text.empty()) return bad_input(path.string(), "is empty", "expected JSON");
  return parse_json(text, path.string(), max_bytes);
}

JsonReader::JsonReader(const Json* object, std::string path,
                       std::shared_ptr<std::optional<Error>> error, std::string where,
                       std::shared_ptr<std::vector<std::string>> passed_over)
    : object_(object),
      path_(std::move(path)),
      error_(std::move(error)),
      where_(std::move(where)),
      passed_over_(std::move(passed_over)) {}

void JsonReader::fail(const std::string& key, const std::string& what, const std::string& remedy,
                      ErrorKind kind) {
  if (error_->has_value()) return;
  const std::string full = path_.empty() ? key
                           : key.empty() ? path_
                                         : fmt::format("{}.{}", path_, key);
  *error_ = Error{kind, full.empty() ? what : fmt::format("'{}' {}", full, what), where_, remedy};
}

Status JsonReader::status() const {
  if (error_->has_value()) return **error_;
  return {};
}

const Json* JsonReader::find(const std::string& key) {
  known_.insert(key);
  const auto it = object_->find(key);
  return it == object_->end() ? nullptr : &*it;
}

bool JsonReader::has_key(const std::string& key) const { return object_->contains(key); }
bool JsonReader::has(const std::string& key) const {
  const auto it = object_->find(key);
  return it != object_->end() && !it->is_null();
}

std::optional<int64_t> JsonReader::optional_integer(const std::string& key, IntegerRange range) {
  const Json* value = find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  int64_t number = 0;
  if (const auto integer = integer_of(*value)) {
    number = *integer;
  } else if (value->is_number_integer()) {
    fail(key, "is out of range");
    return std::nullopt;
  } else if (value->is_number_float() &&
             std::nearbyint(value->get<double>()) == value->get<double>() &&
             std::abs(value->get<double>()) < 9e15) {
    number = static_cast<int64_t>(value->get<double>());
  } else {
    fail(key, "must be an integer, is " + type_of(*value));
    return std::nullopt;
  }
  if (number < range.min || number > range.max) {
    std::string limits = range.max == std::numeric_limits<int64_t>::max()
                             ? fmt::format("at least {}", range.min)
                             : fmt::format("{} to {}", range.min, range.max);
    fail(key, fmt::format("is {}, must be {}", number, limits));
    return std::nullopt;
  }
  return number;
}

std::optional<double> JsonReader::optional_number(const std::string& key, NumberRange range) {
  const Json* value = find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_number()) {
    fail(key, "must be a number, is " + type_of(*value));
    return std::nullopt;
  }
  const auto number = value->get<double>();
  if (!(number >= range.min && number <= range.max)) {
    fail(key, fmt::format("is {}, outside the allowed range", value->dump()));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> JsonReader::optional_boolean(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_boolean()) {
    fail(key, "must be true or false, is " + type_of(*value));
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<std::string> JsonReader::optional_string(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_string()) {
    fail(key, "must be a string, is " + type_of(*value));
    return std::nullopt;
  }
  return value->get<std::string>();
}

namespace {
template <typename T>
T required(JsonReader& reader, const std::string& key, std::optional<T> value) {
  if (!value && reader.status().ok()) reader.fail(key, "is missing");
  return value.value_or(T{});
}
}  // namespace

int64_t JsonReader::integer(const std::string& key, IntegerRange range) {
  return required(*this, key, optional_integer(key, range));
}
double JsonReader::number(const std::string& key, NumberRange range) {
  return required(*this, key, optional_number(key, range));
}
bool JsonReader::boolean(const std::string& key) {
  return required(*this, key, optional_boolean(key));
}
std::string JsonReader::string(const std::string& key) {
  return required(*this, key, optional_string(key));
}
int64_t JsonReader::integer_or(const std::string& key, int64_t fallback, IntegerRange range) {
  return optional_integer(key, range).value_or(fallback);
}
double JsonReader::number_or(const std::string& key, double fallback, NumberRange range) {
  return optional_number(key, range).value_or(fallback);
}
bool JsonReader::boolean_or(const std::string& key, bool fallback) {
  return optional_boolean(key).value_or(fallback);
}
std::string JsonReader::string_or(const std::string& key, std::string fallback) {
  return optional_string(key).value_or(std::move(fallback));
}

std::vector<int64_t> JsonReader::integers(const std::string& key, IntegerRange range) {
  const Json* value = find(key);
  std::vector<int64_t> out;
  if (value == nullptr || value->is_null()) return out;
  if (!value->is_array()) {
    fail(key, "must be an array of integers, is " + type_of(*value));
    return out;
  }
  for (const Json& item : *value) {
    const auto integer = integer_of(item);
    if (!integer || *integer < range.min || *integer > range.max) {
      fail(key,
           fmt::format("holds {}, not an integer in the allowed range", item.dump().substr(0, 40)));
      return {};
    }
    out.push_back(*integer);
  }
  return out;
}

std::vector<double> JsonReader::numbers(const std::string& key, NumberRange range) {
  const Json* value = find(key);
  std::vector<double> out;
  if (value == nullptr || value->is_null()) return out;
  if (!value->is_array()) {
    fail(key, "must be an array of numbers, is " + type_of(*value));
    return out;
  }
  for (const Json& item : *value) {
    if (!item.is_number()) {
      fail(key, fmt::format("holds {}, not a number", item.dump().substr(0, 40)));
      return {};
    }
    const auto number = item.get<double>();
    if (!(number >= range.min && number <= range.max)) {
      fail(key, fmt::format("holds {}, outside the allowed range", item.dump().substr(0, 40)));
      return {};
    }
    out.push_back(number);
  }
  return out;
}

std::vector<std::string> JsonReader::strings(const std::string& key) {
  const Json* value = find(key);
  std::vector<std::string> out;
  if (value == nullptr || value->is_null()) return out;
  if (!value->is_array()) {
    fail(key, "must be an array of strings, is " + type_of(*value));
    return out;
  }
  for (const Json& item : *value) {
    if (!item.is_string()) {
      fail(key, fmt::format("holds {}, not a string", item.dump().substr(0, 40)));
      return {};
    }
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::optional<JsonReader> JsonReader::optional_child(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_object()) {
    fail(key, "must be an object, is " + type_of(*value));
    return std::nullopt;
  }
  return JsonReader(value, path_.empty() ? key : fmt::format("{}.{}", path_, key), error_, where_,
                    passed_over_);
}

JsonReader JsonReader::child(const std::string& key) {
  if (auto reader = optional_child(key)) return *std::move(reader);
  if (status().ok()) fail(key, "is missing");
  return JsonReader(&empty_object(), path_.empty() ? key : fmt::format("{}.{}", path_, key), error_,
                    where_, passed_over_);
}

std::vector<JsonReader> JsonReader::objects(const std::string& key, const std::string& remedy) {
  const Json& array = raw(key);
  std::vector<JsonReader> out;
  if (!array.is_array()) {
    fail(key, "must be an array", remedy);
    return out;
  }
  const std::string path = path_.empty() ? key : fmt::format("{}.{}", path_, key);
  for (size_t i = 0; i < array.size(); ++i) {
    if (!array[i].is_object()) {
      fail(key, "must hold objects", remedy);
      return {};
    }
    out.emplace_back(&array[i], fmt::format("{}[{}]", path, i), error_, where_, passed_over_);
  }
  return out;
}

const Json& JsonReader::raw(const std::string& key) {
  const Json* value = find(key);
  return value == nullptr ? null_json() : *value;
}

void JsonReader::ignore(std::initializer_list<const char*> keys) {
  for (const char* key : keys) known_.insert(key);
}

void JsonReader::reject_unknown(const std::string& remedy) {
  for (const auto& [key, value] : object_->items()) {
    if (!known_.contains(key)) {
      fail(key, "is not a known key", remedy.empty() ? listed(known_) : remedy);
      return;
    }
  }
}

void JsonReader::pass_over_unknown() {
  constexpr size_t kMost = 1000;  // more than one reads, less than memory notices
  if (!passed_over_) return;
  for (const auto& [key, value] : object_->items()) {
    if (known_.contains(key) || passed_over_->size() >= kMost) continue;
    passed_over_->push_back(path_.empty() ? key : fmt::format("{}.{}", path_, key));
  }
}

JsonDocument::JsonDocument(Json json, std::string where)
    : json_(new Json(std::move(json)),
            [](Json* owned) {
              dismantle(*owned);
              delete owned;  // NOLINT(cppcoreguidelines-owning-memory): shared_ptr has it here
            }),
      error_(std::make_shared<std::optional<Error>>()),
      where_(std::move(where)),
      passed_over_(std::make_shared<std::vector<std::string>>()) {}

Result<JsonDocument> JsonDocument::load(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(Json json, load_json(path));
  if (!json.is_object()) return bad_input(path.string(), "must be an object, is " + type_of(json));
  return JsonDocument(std::move(json), path.string());
}

Result<JsonDocument> JsonDocument::parse(std::string_view text, const std::string& where,
                                         uint64_t max_bytes) {
  LAP_ASSIGN_OR_RETURN(Json json, parse_json(text, where, max_bytes));
  if (!json.is_object()) return bad_input(where, "must be an object, is " + type_of(json));
  return JsonDocument(std::move(json), where);
}

JsonReader JsonDocument::root() const { return {json_.get(), "", error_, where_, passed_over_}; }

Status JsonDocument::finish() const {
  if (error_->has_value()) return **error_;
  return {};
}

}  // namespace lapidary
