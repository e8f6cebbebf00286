#include "jinja/json_dump.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

std::string float_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return repr_float(value);
}

class Dumper {
 public:
  Dumper(const JsonStyle& style, Runtime& runtime) : style_(style), runtime_(runtime) {}

  void dump(const Value& value, int level) {
    const DepthGuard guard(runtime_);
    runtime_.spend();
    if (value.is_none()) return add("null");
    if (value.is_bool()) return add(value.as_bool() ? "true" : "false");
    if (value.is_int()) return add(std::to_string(value.as_int()));
    if (value.is_float()) return add(float_text(value.as_float()));
    if (value.is_string()) return add_string(value.string());
    if (value.is_sequence()) return dump_list(value.items(), level);
    if (value.is_dict()) return dump_dict(value.dict(), level);
    fail(fmt::format("Object of type {} is not JSON serializable{}", type_name(value),
                     value.is_undefined() ? " (" + value.undefined_message() + ")" : ""));
  }
  std::string take() { return std::move(out_); }

 private:
  void add(std::string_view text) {
    runtime_.spend_append(out_.size(), text.size());
    out_ += text;
  }
  void add_unit(unsigned unit) { out_ += fmt::format("\\u{:04x}", unit & 0xFFFFu); }
  void add_escaped(char32_t c) {
    if (c >= 0x10000) {
      add_unit(0xD800u + static_cast<unsigned>((c - 0x10000) >> 10));
      add_unit(0xDC00u + static_cast<unsigned>((c - 0x10000) & 0x3FF));
    } else {
      add_unit(static_cast<unsigned>(c));
    }
  }
  void add_string(const std::string& text) {
    add("\"");
    runtime_.spend_append(out_.size(), text.size());
    runtime_.spend_decode(text.size());
    for (size_t i = 0; i < text.size();) {
      const size_t start = i;
      const char32_t c = next_char(text, i);
      switch (c) {
        case '"':
          out_ += "\\\"";
          break;
        case '\\':
          out_ += "\\\\";
          break;
        case '\n':
          out_ += "\\n";
          break;
        case '\r':
          out_ += "\\r";
          break;
        case '\t':
          out_ += "\\t";
          break;
        case '\b':
          out_ += "\\b";
          break;
        case '\f':
          out_ += "\\f";
          break;
        default:
          if (c < 0x20 || (style_.ascii && c > 0x7F)) {
            add_escaped(c);
          } else {
            out_.append(text, start, i - start);
          }
      }
    }
    add("\"");
  }
  void new_line(int level) {
    if (!style_.indent) return;
    add("\n");
    for (int i = 0; i < level; ++i) add(*style_.indent);
  }
  void dump_list(const Items& items, int level) {
    if (items.empty()) return add("[]");
    add("[");
    for (size_t i = 0; i < items.size(); ++i) {
      if (i != 0) add(style_.item_separator);
      new_line(level + 1);
      dump(items[i], level + 1);
    }
    new_line(level);
    add("]");
  }
  std::string key_text(const Value& key) {
    if (key.is_string()) return key.string();
    if (key.is_none()) return "null";
    if (key.is_bool()) return key.as_bool() ? "true" : "false";
    if (key.is_int()) return std::to_string(key.as_int());
    if (key.is_float()) return float_text(key.as_float());
    fail("keys must be str, int, float, bool or None, not " + type_name(key));
  }
  void dump_dict(const Dict& dict, int level) {
    if (dict.size() == 0) return add("{}");
    runtime_.spend(dict.size());
    std::vector<const Dict::Entry*> entries;
    for (const auto& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(),
                       [&](auto* a, auto* b) { return less(a->first, b->first, runtime_); });
    }
    add("{");
    bool first = true;
    for (const auto* entry : entries) {
      if (!first) add(style_.item_separator);
      first = false;
      new_line(level + 1);
      add_string(key_text(entry->first));
      add(style_.key_separator);
      dump(entry->second, level + 1);
    }
    new_line(level);
    add("}");
  }

  const JsonStyle& style_;
  Runtime& runtime_;
  std::string out_;
};

}  // namespace

std::string dump_json(const Value& value, const JsonStyle& style, Runtime& runtime) {
  Dumper dumper(style, runtime);
  dumper.dump(value, 0);
  return dumper.take();
}

}  // namespace lapidary::jinja
