// The files that an ONNX model consists of.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"

namespace lapidary::htp {

// The model file, then the data files that its initializers lie in, each once, by name.
// Errors: kIo; kBadInput for what is no ONNX model.
Result<std::vector<std::filesystem::path>> model_files(const std::filesystem::path& model);

}  // namespace lapidary::htp
