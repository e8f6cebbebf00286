// Python's json.dumps, which is what the filter `tojson` of chat templates is.
#pragma once

#include <optional>
#include <string>

#include "jinja/value.h"

namespace lapidary::jinja {

struct JsonStyle {
  bool ascii = false;  // ensure_ascii
  bool sort_keys = false;
  std::optional<std::string> indent;  // the text of one level; nothing: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

// Fails for values JSON has no word for (undefined, functions, ...).
std::string dump_json(const Value& value, const JsonStyle& style, Runtime& runtime);

}  // namespace lapidary::jinja
