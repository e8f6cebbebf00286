// The normalizer of a tokenizer.json: a list of literal replacements and prefixes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/step_list.h"

namespace lapidary::text {

// `text` with every `pattern` (not empty), found from the left, replaced by `content`.
std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content);

// Reads {"String": "..."}, the one kind of pattern supported. Records errors in `reader`.
std::string read_string_pattern(JsonReader& reader);

class Normalizer {
 public:
  // `json` is the value of the key "normalizer": null, Replace (of a string), Prepend, or a
  // Sequence of them. Anything else is refused by name.
  static Normalizer read(JsonReader& parent, const JsonContext& context);

  bool empty() const { return steps_.empty(); }
  std::string apply(std::string_view text) const;

 private:
  struct Step {
    std::string pattern;  // empty: prepend `content` to text that is not empty
    std::string content;
  };
  void read_step(JsonReader& reader);

  std::vector<Step> steps_;
};

}  // namespace lapidary::text
