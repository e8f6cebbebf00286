// Where media go in a prompt: the placeholders of a rendered text, and the places of soft tokens.
//
//   "<|image|>What is this?"                                   rendered by the chat template
//   "<boi><|image|><|image|><|image|><eoi>What is this?"       expand_placeholders
//   {17, 19, 19, 19, 21, ...}, a block of 3 at position 1      tokenized, place_blocks
//
// Source: ProcessorMixin.get_text_with_replacements and Gemma4Processor of transformers 5.23.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "encoders/media_encoder.h"
#include "engine/prompt.h"
#include "package/manifest.h"
#include "text/tokenizer.h"

namespace lapidary::encoders {

// How one kind of media appears in a prompt.
struct MediaTokens {
  MediaKind kind = MediaKind::kImage;
  int32_t id = 0;           // of the placeholder
  std::string placeholder;  // "<|image|>"
  std::string begin_mark;   // around the soft tokens; may be empty
  std::string end_mark;

  // What stands for so many soft tokens.
  std::string marked(int64_t soft_tokens) const;
};

// The kinds that the package takes. Error: kBadInput for an id that the tokenizer does not have.
Result<std::vector<MediaTokens>> media_tokens(const package::Manifest& manifest,
                                              const text::Tokenizer& tokenizer);

// How often `placeholder` occurs in `text`.
int64_t count_placeholders(std::string_view text, std::string_view placeholder);

// kBadInput: a text has `places` placeholders for `items` files.
Error placeholder_mismatch(const MediaTokens& tokens, int64_t places, int64_t items);

// `text` with the k-th placeholder of each kind replaced by EncodedMedia::replacement of the k-th
// item of that kind. Errors: kBadInput when a kind's placeholders and items differ in number;
// kUnsupported for an item of a kind that is not in `kinds`.
Result<std::string> expand_placeholders(std::string_view text, std::span<const MediaTokens> kinds,
                                        std::span<const EncodedMedia> media);

// The blocks of `media` at the placeholders in `ids`, in order of position. Error: kInternal when
// they do not cover the placeholders exactly.
Result<std::vector<engine::SoftBlock>> place_blocks(std::span<const int32_t> ids,
                                                    std::span<const MediaTokens> kinds,
                                                    std::span<const EncodedMedia> media);

}  // namespace lapidary::encoders
