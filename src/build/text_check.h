// Refuses a checkpoint whose tokenizer or chat template could not be used, before a build copies
// them into a package that nobody could run.
#pragma once

#include "base/result.h"
#include "checkpoint/checkpoint.h"

namespace lapidary::build {

// Errors name the file: a tokenizer or template that does not parse, more tokens than the model has
// embeddings.
Status check_text_files(const checkpoint::Checkpoint& checkpoint);

}  // namespace lapidary::build
