// A form of the tiny model, held against what transformers computed with it.
#pragma once

#include <filesystem>

#include "golden_file.h"

namespace lapidary::golden {

// Fails the running test where a weight's bits, the ids of the chat's prompt, the logits of its
// last position or a greedy token are not the golden's. Graphs are written below `scratch`.
void expect_form(const std::filesystem::path& checkpoint, const GoldenFile& golden, const Case& one,
                 const std::filesystem::path& scratch);

}  // namespace lapidary::golden
