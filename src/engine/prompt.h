// What a model is asked: token ids, and the soft tokens that stand at some of their places.
//
//   Prompt text_only(ids);
//   Prompt with_image(ids, {{.begin = 5, .medium = Medium::kImage, .tokens = features}});
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lapidary::engine {

enum class Medium { kImage, kAudio };  // video frames are images

// What an encoder made of one image, video frame or clip.
struct SoftTokens {
  int64_t count = 0;
  std::vector<float> features;  // [count, hidden]
  std::string content_hash;     // of what they were made from: equal hashes, equal features
};

// A run of placeholders that one SoftTokens fills.
struct SoftBlock {
  int64_t begin = 0;  // position in the prompt
  Medium medium = Medium::kImage;
  std::shared_ptr<const SoftTokens> tokens;  // never null
  int64_t end() const { return begin + tokens->count; }
};

struct Prompt {
  Prompt() = default;
  explicit Prompt(std::vector<int32_t> token_ids, std::vector<SoftBlock> soft_blocks = {})
      : ids(std::move(token_ids)), blocks(std::move(soft_blocks)) {}

  std::vector<int32_t> ids;
  std::vector<SoftBlock> blocks;  // in order of begin, not overlapping
};

}  // namespace lapidary::engine
