// The files of a package that are no graphs: tokenizer, chat template, generation settings,
// processors.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "checkpoint/checkpoint.h"
#include "package/manifest.h"

namespace lapidary::package {

// Copies them from the checkpoint and writes genai_config.json and what it refers to
// (genai_processors.h), but for graphs of fixed lengths, which GenAI cannot drive; `manifest` needs
// text, vision, audio, fixed_model and components. generation_config.json is always written: the
// ids of the begin, end and padding tokens that the checkpoint keeps in config.json only are filled
// in, since config.json does not ship. Returns the names written.
Result<std::vector<std::string>> write_side_files(const checkpoint::Checkpoint& checkpoint,
                                                  const Manifest& manifest,
                                                  const std::filesystem::path& dir);

// Size and checksum of `relative` in `dir`. Advances `work` by bytes.
Result<FileRecord> file_record(const std::filesystem::path& dir, const std::string& relative,
                               const Work& work = {});

}  // namespace lapidary::package
