#include "text/given_template.h"

#include <utility>

#include "base/input_file.h"
#include "base/json.h"

namespace lapidary::text {
namespace {

constexpr const char* kGivenKey = "chat_template";
constexpr const char* kDefaultName = "default";
constexpr uint64_t kMostGivenBytes = 8U << 20;  // as jinja::Template::parse

// The text of `value`, or of the one called "default" in both forms that several have; null: none.
const Json* default_text(const Json& value) {
  if (value.is_string()) return &value;
  const Json* found = nullptr;
  if (value.is_object()) {
    const auto entry = value.find(kDefaultName);
    if (entry != value.end()) found = &*entry;
  } else if (value.is_array()) {
    for (const Json& entry : value) {
      if (!entry.is_object() || !entry.contains("name") || !entry.contains("template")) continue;
      if (entry["name"] == kDefaultName) found = &entry["template"];
    }
  }
  return found != nullptr && found->is_string() ? found : nullptr;
}

Result<GivenTemplate> of_json(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::load(path));
  const Json& config = document.json();
  const std::string remedy = "give a Jinja file, or a JSON file with that key";
  const auto value = config.is_object() ? config.find(kGivenKey) : config.end();
  if (value == config.end() || value->is_null()) {
    return bad_input(path.string(), "has no 'chat_template'", remedy);
  }
  std::string where = path.string() + ": " + kGivenKey;
  const Json* text = default_text(*value);
  if (text == nullptr) {
    return bad_input(where, "is neither a text nor texts by name, one of them 'default'", remedy);
  }
  return GivenTemplate{text->get<std::string>(), std::move(where)};
}

}  // namespace

Result<GivenTemplate> read_given_template(const std::filesystem::path& path) {
  GivenTemplate out;
  if (path.extension() == ".json") {
    LAP_ASSIGN_OR_RETURN(out, of_json(path));
  } else {
    out.where = path.string();
    LAP_ASSIGN_OR_RETURN(out.source, read_file(path, kMostGivenBytes));
  }
  if (out.source.find_first_not_of(" \t\r\n") == std::string::npos) {
    return bad_input(out.where, "the chat template is empty");
  }
  return out;
}

}  // namespace lapidary::text
