// config.json of a Gemma 4 or Gemma 3 text checkpoint, typed and validated.
//
//   LAP_ASSIGN_OR_RETURN(Config config, Config::load(dir / "config.json"));
//   int64_t hidden = config.text.hidden_size;
//   int64_t patch = config.vision ? config.vision->patch_size : 0;  // it may lack a vision tower
//
// Supported: model_type `gemma4`, the E2B and E4B kind, and `gemma4_text`, the text model alone,
// whose config.json is the text section itself, and `gemma3_text` (gemma3_text_config.h).
// Everything else (gemma3, gemma4_unified, gemma4_assistant, mixture of experts, ...) is refused by
// name. Keys are those of transformers 5.24: what it reads is followed or refused by name; a key
// that it does not read either, as trainers leave some, is passed over and noted.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/audio_config.h"
#include "checkpoint/compressed_tensors.h"
#include "checkpoint/text_config.h"
#include "checkpoint/vision_config.h"

namespace lapidary::checkpoint {

struct Config {
  TextConfig text;
  std::optional<VisionConfig> vision;  // absent: the checkpoint has no such tower
  std::optional<AudioConfig> audio;

  // Weights that are packed; absent: they are plain ones.
  std::optional<CompressedTensorsConfig> quantization;

  // False: the checkpoint holds lm_head.weight.
  bool tie_word_embeddings = true;
  std::optional<DType> dtype;

  // Placeholders of soft tokens and the marks around them; null where a file says so.
  std::optional<int64_t> image_token_id = 258880;
  std::optional<int64_t> video_token_id = 258884;
  std::optional<int64_t> audio_token_id = 258881;
  std::optional<int64_t> boi_token_id = 255999;
  std::optional<int64_t> eoi_token_id = 258882;
  std::optional<int64_t> boa_token_id = 256000;
  std::optional<int64_t> eoa_token_id = 258883;  // key eoa_token_index

  // Beside the sections in published checkpoints; the text section's values where absent.
  std::optional<int64_t> pad_token_id;
  std::optional<int64_t> bos_token_id;
  std::vector<int64_t> eos_token_ids;
  // Recorded only: the image processor's max_soft_tokens decides.
  std::optional<int64_t> vision_soft_tokens_per_image;
  double initializer_range = 0.02;

  // What the file has beside that, a sentence each (Checkpoint::notes).
  std::vector<std::string> notes;

  static Result<Config> load(const std::filesystem::path& path);
  // `where` names the source in messages.
  static Result<Config> parse(std::string_view text, const std::string& where);
};

}  // namespace lapidary::checkpoint
