// Tensors on their way from process to process: STEM.json lists name, dtype and shape of each,
// STEM.bin holds their bytes one after the other.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"
#include "ort/session.h"

namespace lapidary::htp {

Status write_tensors(const std::filesystem::path& stem, std::span<const ort::HostTensor> tensors);
// Errors: kIo for a missing file, kBadInput for a list that does not fit the bytes.
Result<std::vector<ort::HostTensor>> read_tensors(const std::filesystem::path& stem);

}  // namespace lapidary::htp
