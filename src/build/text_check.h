// Refuses a checkpoint whose tokenizer or chat template could not be used, before a build copies
// them into a package that nobody could run, and says what is odd about them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"

namespace lapidary::build {

// Returns notes as Checkpoint::notes has them: settings of a call in tokenizer.json, which are not
// applied; tokens that the per-layer table lacks, or that tokenizer_config.json names and
// tokenizer.json lacks; a template that is not in its usual place; a template whose turns end with
// a token that ends no reply. Errors name the file: a tokenizer or template that does not parse, a
// token that the model has no embedding for, a setting that tokens would depend on and that is not
// followed.
Result<std::vector<std::string>> check_text_files(const checkpoint::Checkpoint& checkpoint);

}  // namespace lapidary::build
