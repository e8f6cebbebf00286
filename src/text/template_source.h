// Where a checkpoint, or a package, keeps its chat template. There are four places:
//
//   processor_config.json   key "chat_template"
//   chat_template.json      key "chat_template"; what processors were saved with once
//   chat_template.jinja     the usual one
//   tokenizer_config.json   key "chat_template"; what tokenizers were saved with once
//
// The first that has one counts, in the order of transformers 5.24: that of its processors, as
// above, where a processor's file is in the folder (processing_utils.py), else that of its
// tokenizers (tokenization_utils_base.py), which do not look into the first two; these come last
// then.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file_set.h"
#include "base/json.h"
#include "base/result.h"

namespace lapidary::text {

inline constexpr const char* kTemplateFile = "chat_template.jinja";
inline constexpr const char* kTokenizerConfigFile = "tokenizer_config.json";

struct TemplateSource {
  std::string file;   // "chat_template.jinja"
  std::string where;  // for messages: "DIR/tokenizer_config.json: chat_template"
  // A text, a list of {"name": ..., "template": ...}, or an object of texts by name: not checked.
  Json value;
  // Later files that hold another template, which nobody uses.
  std::vector<std::string> passed_over = {};
};

// Nothing: there is no template. Errors name the file: it cannot be read, it is no JSON object.
Result<std::optional<TemplateSource>> find_template(const FileSet& files);

// Makes `source` the template that find_template finds: in the first place that has one if that
// comes before chat_template.jinja, else as chat_template.jinja. `where`: what messages about it
// name. Errors: those of find_template.
Status replace_template(FileSet& files, const std::string& source, const std::string& where);

}  // namespace lapidary::text
