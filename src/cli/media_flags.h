// Options of the commands that show a model images and let it hear sound.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/command.h"
#include "encoders/media_encoder.h"

namespace lapidary::cli {

struct MediaFlags {
  // --image, --audio, --video: each as often as one likes.
  void add_items_to(Command command);
  // --video-fps and --split-audio.
  void add_options_to(Command command);

  // The files, in the order in which they stand on the command line across the three options.
  // Error: kBadInput for an option without a file that it is about.
  Result<std::vector<encoders::MediaItem>> items() const;
  encoders::MediaEncoderOptions options() const;

 private:
  std::optional<Command> command_;
  std::vector<std::string> image_;
  std::vector<std::string> audio_;
  std::vector<std::string> video_;
  double video_fps_ = encoders::MediaEncoderOptions().video_fps;
  bool split_audio_ = false;
};

int64_t soft_tokens_of(const encoders::EncodedMedia& media);

// A line of --stats for each item.
std::string media_stats_text(std::span<const encoders::MediaItem> items,
                             std::span<const encoders::EncodedMedia> encoded);
// The array "media" in --json: kind, file, soft_tokens, cached, timings.
Json media_json(std::span<const encoders::MediaItem> items,
                std::span<const encoders::EncodedMedia> encoded);
// {"decode_seconds", "frontend_seconds", "encoder_seconds"}
Json media_timings_json(const encoders::MediaTimings& timings);

}  // namespace lapidary::cli
