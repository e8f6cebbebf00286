// The tiny model's text part as a GGUF file whose matrices are of one type: the tensors that
// tools/checkpoint_forms/gguf_forms.py writes with the gguf package.
//
//   const std::string stored = write_gguf("gguf_Q4_K", path);  // the golden's "stored"
#pragma once

#include <filesystem>
#include <string>

namespace lapidary::golden {

// `name`: a case of text_model/forms.json. Returns the digest of the tensors.
std::string write_gguf(const std::string& name, const std::filesystem::path& path);

}  // namespace lapidary::golden
