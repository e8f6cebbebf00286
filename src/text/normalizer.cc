#include "text/normalizer.h"

#include <fmt/core.h>

namespace lapidary::text {

std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  size_t begin = 0;
  for (;;) {
    const size_t at = text.find(pattern, begin);
    out += text.substr(begin, at - begin);
    if (at == std::string_view::npos) return out;
    out += content;
    begin = at + pattern.size();
  }
}

std::string read_string_pattern(JsonReader& reader) {
  JsonReader pattern = reader.child("pattern");
  if (!reader.status().ok()) return " ";
  if (pattern.has_key("Regex")) {
    pattern.fail("Regex", "is not supported", "only literal patterns, {\"String\": ...}, are",
                 ErrorKind::kUnsupported);
    return " ";
  }
  std::string text = pattern.string("String");
  pattern.reject_unknown();
  if (text.empty()) pattern.fail("String", "is empty");
  return text;
}

void Normalizer::read_step(JsonReader& reader) {
  const std::string type = reader.string("type");
  if (type == "Replace") {
    std::string pattern = read_string_pattern(reader);
    steps_.push_back({std::move(pattern), reader.string("content")});
  } else if (type == "Prepend") {
    steps_.push_back({"", reader.string("prepend")});
  } else {
    reader.fail("type", fmt::format("is '{}', which is not supported", type),
                "supported normalizers: Replace, Prepend, Sequence", ErrorKind::kUnsupported);
  }
  reader.reject_unknown();
}

Normalizer Normalizer::read(JsonReader& parent, const JsonContext& context) {
  Normalizer out;
  for_each_step(parent, context, "normalizer", "normalizers",
                [&](JsonReader& reader) { out.read_step(reader); });
  return out;
}

std::string Normalizer::apply(std::string_view text) const {
  std::string out(text);
  for (const Step& step : steps_) {
    if (!step.pattern.empty()) {
      out = replace_all(out, step.pattern, step.content);
    } else if (!out.empty()) {
      out.insert(0, step.content);
    }
  }
  return out;
}

}  // namespace lapidary::text
