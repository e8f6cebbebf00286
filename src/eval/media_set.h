// Questions about images and clips, with the answers that count as right: the file of
// `lapidary eval --media`.
//
//   {"images": [{"file": "images/000.png", "question": "What is in the picture?",
//                "reference": "A red star.", "output_ids": [313, 526, 6]}],
//    "audio":  [{"file": "audio/000.wav", "question": "Transcribe the audio.",
//                "reference": "open the door"}]}
//
// `file` is relative to the JSON's folder. `output_ids`, what another implementation answered, may
// be left out; so may either list, "output_text" and the file's "note" are not read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "encoders/media_encoder.h"

namespace lapidary::eval {

struct MediaQuestion {
  encoders::MediaItem item;  // its path: the JSON's folder and `file`
  std::string file;          // as it stands in the JSON
  std::string question;
  std::string reference;
  std::vector<int32_t> recorded;  // empty: nothing was recorded
};

// Images first, then clips. Errors, naming the file and the entry: kIo, kBadInput for what is no
// such JSON, an unknown key, or no question at all.
Result<std::vector<MediaQuestion>> load_media_set(const std::filesystem::path& json);

}  // namespace lapidary::eval
