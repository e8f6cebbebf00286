// A chat template in a file of its own, that somebody gives for a checkpoint without one.
//
//   LAP_ASSIGN_OR_RETURN(GivenTemplate given, read_given_template(dir / "chat_template.jinja"));
//   LAP_RETURN_IF_ERROR(replace_template(files, given.source, given.where));
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace lapidary::text {

struct GivenTemplate {
  std::string source;  // Jinja; not parsed
  std::string where;   // for messages: "DIR/tokenizer_config.json: chat_template"
};

// A name that ends in .json is that of an object with the key "chat_template", as in
// tokenizer_config.json, chat_template.json and processor_config.json: a text, or several by name,
// of which the one named "default" is taken. Any other file is the template itself. Errors name the
// file: it cannot be read, is larger than a template or a JSON document may be, holds no template.
Result<GivenTemplate> read_given_template(const std::filesystem::path& path);

}  // namespace lapidary::text
