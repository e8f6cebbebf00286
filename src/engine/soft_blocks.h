// What the soft blocks of a prompt mean to a decoder: which are valid, which are the same as those
// run before, which rows of features a chunk takes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/chunk_plan.h"
#include "engine/prompt.h"

namespace lapidary::engine {

// Values of mm_token_type_ids. Source: transformers, which numbers video 2 and treats it as images.
inline constexpr int64_t kTextType = 0;
inline constexpr int64_t kImageType = 1;
inline constexpr int64_t kAudioType = 3;

// Blocks lie inside the prompt, in order, not overlapping, and hold count * hidden features.
// Error: kInternal.
Status check_blocks(const Prompt& prompt, int64_t hidden);

// The positions that image blocks cover; blocks with no other token between are one range, because
// the reference lets them attend to each other.
std::vector<Range> image_runs(std::span<const SoftBlock> blocks);

// How many positions `prompt` has in common with the beginning of `held`, the last of `prompt` not
// counted: equal ids, and soft tokens of equal content. With `whole_images` a run of images counts
// wholly or not at all. The last block of `held` may reach beyond its ids.
int64_t common_prefix(const Prompt& held, const Prompt& prompt, bool whole_images);

// The features of `medium` in `range`, row by row: a view of the block when there is one, otherwise
// gathered in `buffer`. Valid while both live.
std::span<const float> soft_rows(std::span<const SoftBlock> blocks, Medium medium,
                                 const Range& range, int64_t hidden, std::vector<float>& buffer);

// mm_token_type_ids of the positions in `range`, written to the front of `types`.
void write_token_types(std::span<const SoftBlock> blocks, const Range& range,
                       std::span<int64_t> types);

}  // namespace lapidary::engine
