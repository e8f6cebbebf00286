// The tiny model as other people's tools leave theirs: the folders that
// tools/checkpoint_forms/folders.py writes, tensor by tensor.
//
//   TempDir dir;
//   const std::string stored = write_folder("peft", dir);  // the golden's "stored"
#pragma once

#include <string>

#include "checkpoint/test_files.h"

namespace lapidary::golden {

// `name` is a case of text_model/forms.json that is no GGUF file; `dir` is empty. Returns the
// digest of the tensors; "" for a name that is not known.
std::string write_folder(const std::string& name, const checkpoint::TempDir& dir);

}  // namespace lapidary::golden
