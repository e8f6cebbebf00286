// Which ids a model can be fed. One that a table has no row for makes ONNX Runtime fail or, where
// the table is in blocks of few bits, read behind its end.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "engine/prompt.h"
#include "package/manifest.h"

namespace lapidary::engine {

// Errors: kBadInput for an id that the model does not have, or that its smallest table does not
// (TextModel::embedded_ids).
Status check_token(int32_t id, const package::TextModel& text);
// Of a prompt, whose placeholders within soft blocks are looked up nowhere, and only need to be ids
// of the model. `prompt.blocks` must be valid (soft_blocks.h).
Status check_tokens(const Prompt& prompt, const package::TextModel& text);
// The first id that the model has, but not its smallest table.
std::optional<int32_t> first_without_row(const Prompt& prompt, const package::TextModel& text);

}  // namespace lapidary::engine
