// Reads the parts of a tokenizer.json that are null, one step, or a Sequence of steps.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"

namespace lapidary::text {

// Where the readers of one document record their first error, and what the document is called.
struct JsonContext {
  std::shared_ptr<std::optional<Error>> error;
  std::string where;

  JsonReader reader(const Json& object, const std::string& path) const {
    return {&object, path, error, where};
  }
};

using ReadObject = std::function<void(JsonReader&)>;

// Calls `read` for the object at `parent[key]` (not at all when null or absent), or, where that is
// {"type": "Sequence", list_key: [...]}, for each of its elements. Sequences nest.
void for_each_step(JsonReader& parent, const JsonContext& context, const std::string& key,
                   const std::string& list_key, const ReadObject& read);

// Calls `read` for each element of the array of objects at `parent[key]`, which must be there.
void for_each_object(JsonReader& parent, const JsonContext& context, const std::string& key,
                     const ReadObject& read);

}  // namespace lapidary::text
