#include "text/step_list.h"

#include <fmt/core.h>

namespace lapidary::text {
namespace {

void visit(JsonReader& reader, const JsonContext& context, const std::string& list_key,
           const ReadObject& read) {
  if (!reader.status().ok()) return;
  const auto type = reader.json().find("type");
  if (type == reader.json().end() || *type != Json("Sequence")) {
    read(reader);
    return;
  }
  reader.ignore({"type"});
  for_each_object(reader, context, list_key,
                  [&](JsonReader& element) { visit(element, context, list_key, read); });
  reader.reject_unknown();
}

}  // namespace

void for_each_object(JsonReader& parent, const JsonContext& context, const std::string& key,
                     const ReadObject& read) {
  const Json& list = parent.raw(key);
  if (!list.is_array()) {
    parent.fail(key, "must be a list of objects");
    return;
  }
  const std::string prefix = parent.path().empty() ? key : fmt::format("{}.{}", parent.path(), key);
  for (size_t i = 0; i < list.size() && parent.status().ok(); ++i) {
    if (!list[i].is_object()) {
      parent.fail(fmt::format("{}[{}]", key, i), "must be an object");
      return;
    }
    JsonReader element = context.reader(list[i], fmt::format("{}[{}]", prefix, i));
    read(element);
  }
}

void for_each_step(JsonReader& parent, const JsonContext& context, const std::string& key,
                   const std::string& list_key, const ReadObject& read) {
  if (auto reader = parent.optional_child(key)) visit(*reader, context, list_key, read);
}

}  // namespace lapidary::text
