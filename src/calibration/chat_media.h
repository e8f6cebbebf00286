// The images, clips and videos that the messages of a chat name, in Hugging Face's form: a part of
// a message's content says where its file is,
//
//   {"type": "image", "path": "media/0.png"}      or "image", "url", as apply_chat_template takes
//   {"type": "audio", "path": "media/0.wav"}      or "audio", "url"
//   {"type": "video", "path": "media/frames"}     or "video", "url"; a folder of frames
//   {"type": "text", "text": "What is this?"}
//
//   LAP_ASSIGN_OR_RETURN(std::vector<encoders::MediaItem> media,
//                        take_media(messages, "corpus", "corpus/chats.jsonl:3"));
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "encoders/media_encoder.h"

namespace lapidary::calibration {

inline constexpr size_t kMostMediaOfChat = 256;

// In their order. Relative paths are in `folder`. What is left in `messages` is what a template
// sees. Errors, beginning with `where`: kBadInput for a part of unknown type or without a file, a
// file that is missing or by its first bytes no image (no sound), more than kMostMediaOfChat;
// kUnsupported for what would have to be fetched, and for a format that is not read.
Result<std::vector<encoders::MediaItem>> take_media(Json& messages,
                                                    const std::filesystem::path& folder,
                                                    const std::string& where);

}  // namespace lapidary::calibration
