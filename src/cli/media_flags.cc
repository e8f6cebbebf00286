#include "cli/media_flags.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "cli/model_flags.h"

namespace lapidary::cli {
namespace {

using encoders::MediaKind;

constexpr const char* kImage = "--image";
constexpr const char* kAudio = "--audio";
constexpr const char* kVideo = "--video";
constexpr const char* kVideoFps = "--video-fps";
constexpr const char* kSplitAudio = "--split-audio";

// CLI11 lets "nan" and "-1" pass.
std::string check_rate(const std::string& text) {
  char* end = nullptr;
  const double rate = std::strtod(text.c_str(), &end);
  if (*end == '\0' && std::isfinite(rate) && rate > 0) return {};
  return text + " is not a positive number";
}

}  // namespace

void MediaFlags::add_items_to(Command command) {
  command_ = command;
  command.add_option(kImage, image_, "Image file: PNG, JPEG, WebP, BMP (repeatable)").repeatable();
  command.add_option(kAudio, audio_, "Sound file: WAV, FLAC, OGG, MP3 (repeatable)").repeatable();
  command.add_option(kVideo, video_, "Folder with the frames of a video (repeatable)").repeatable();
}

void MediaFlags::add_options_to(Command command) {
  command.add_option(kVideoFps, video_fps_, "Frames a second in the folders of videos")
      .passes(check_rate)
      .show_default();
  command.add_flag(kSplitAudio, split_audio_,
                   "Cut sound that is longer than the model takes into several clips");
}

Result<std::vector<encoders::MediaItem>> MediaFlags::items() const {
  std::array<size_t, 3> next{};
  const std::array<std::pair<const char*, const std::vector<std::string>*>, 3> lists = {
      {{kImage, &image_}, {kAudio, &audio_}, {kVideo, &video_}}};
  constexpr std::array kKinds = {MediaKind::kImage, MediaKind::kAudio, MediaKind::kVideo};
  std::vector<encoders::MediaItem> out;
  for (const std::string& option : command_->given()) {
    for (size_t i = 0; i < lists.size(); ++i) {
      if (option != lists[i].first) continue;
      const std::string& path = lists[i].second->at(next[i]++);
      if (path.empty()) return bad_input(lists[i].first, "is an empty name");
      out.push_back({kKinds[i], path});
    }
  }
  if (command_->was_given(kVideoFps) && video_.empty()) {
    return bad_input(kVideoFps, "has no meaning without --video", "leave it out");
  }
  if (split_audio_ && audio_.empty()) {
    return bad_input(kSplitAudio, "has no meaning without --audio", "leave it out");
  }
  return out;
}

encoders::MediaEncoderOptions MediaFlags::options() const {
  return {.video_fps = video_fps_, .split_audio = split_audio_};
}

int64_t soft_tokens_of(const encoders::EncodedMedia& media) {
  int64_t count = 0;
  for (const auto& block : media.blocks) count += block->count;
  return count;
}

std::string media_stats_text(std::span<const encoders::MediaItem> items,
                             std::span<const encoders::EncodedMedia> encoded) {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    const encoders::MediaTimings& t = encoded[i].timings;
    text += fmt::format(
        "{:<7} {} soft tokens, decoded in {:.3f} s, front end {:.3f} s, encoder {:.3f} s: {}{}\n",
        encoders::name(items[i].kind), soft_tokens_of(encoded[i]), t.decode_seconds,
        t.frontend_seconds, t.encoder_seconds, items[i].path.string(),
        encoded[i].cached ? " (seen before)" : "");
  }
  return text;
}

Json media_json(std::span<const encoders::MediaItem> items,
                std::span<const encoders::EncodedMedia> encoded) {
  Json out = Json::array();
  for (size_t i = 0; i < items.size(); ++i) {
    out.push_back(Json{{"kind", encoders::name(items[i].kind)},
                       {"file", items[i].path.string()},
                       {"soft_tokens", soft_tokens_of(encoded[i])},
                       {"cached", encoded[i].cached},
                       {"timings", media_timings_json(encoded[i].timings)}});
  }
  return out;
}

Json media_timings_json(const encoders::MediaTimings& timings) {
  return {{"decode_seconds", micro(timings.decode_seconds)},
          {"frontend_seconds", micro(timings.frontend_seconds)},
          {"encoder_seconds", micro(timings.encoder_seconds)}};
}

}  // namespace lapidary::cli
