#include "jinja/attribute_path.h"

#include "jinja/split.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {

AttributePath::AttributePath(const Value& attribute, Runtime& runtime) {
  if (attribute.is_none()) return;
  if (!attribute.is_string()) {
    parts_.push_back(attribute);
    return;
  }
  for (std::string_view part : split_at(attribute.string(), ".", -1, false, runtime)) {
    const bool digits = !part.empty() && part.size() < 10 &&
                        part.find_first_not_of("0123456789") == std::string_view::npos;
    parts_.push_back(digits ? Value(int64_t{std::stoi(std::string(part))}) : Value(part));
  }
}

Value AttributePath::of(Value item, Runtime& runtime, const Value* fallback) const {
  for (const Value& part : parts_) {
    runtime.spend();
    item = get_item(item, part, runtime);
    if (fallback != nullptr && item.is_undefined()) item = *fallback;
  }
  return item;
}

Value ignore_case(const Value& value, Runtime& runtime) {
  if (!value.is_string()) return value;
  runtime.spend_decode(value.string().size());
  return Value(encode(lower(decode(value.string()))));
}

}  // namespace lapidary::jinja
