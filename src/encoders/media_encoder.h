// Images, videos and sound to soft tokens, by a package's encoders.
//
//   MediaEncoder encoder(model.media_model());   // of a runtime::Model
//   LAP_ASSIGN_OR_RETURN(EncodedMedia image, encoder.encode({MediaKind::kImage, "a.png"}));
//   LAP_ASSIGN_OR_RETURN(engine::Prompt prompt, model.chat_prompt(messages, std::span(&image, 1)));
//
// The encoders' graphs are loaded when the first image (or clip) comes. What was encoded is kept by
// the hash of the file's content (media_cache.h), so that a chat encodes each image once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "checkpoint/processor_config.h"
#include "engine/device.h"
#include "engine/prompt.h"
#include "media/image_patches.h"
#include "media/log_mel.h"
#include "ort/session.h"
#include "package/package.h"

namespace lapidary::encoders {

struct MediaTokens;

enum class MediaKind { kImage, kAudio, kVideo };
// "image", "audio", "video".
const char* name(MediaKind kind);

struct MediaItem {
  MediaKind kind = MediaKind::kImage;
  std::filesystem::path path;  // a video is a folder of frames
};

struct MediaTimings {
  double decode_seconds = 0;    // file to pixels or samples
  double frontend_seconds = 0;  // these to the encoder's inputs
  double encoder_seconds = 0;   // without loading its graph
};

// What takes the place of one placeholder.
struct EncodedMedia {
  MediaKind kind = MediaKind::kImage;
  // For the placeholder in the prompt's text: begin mark, a placeholder for each soft token, end
  // mark; for a video its frames' times and marks, as Gemma4Processor writes them.
  std::string replacement;
  std::vector<std::shared_ptr<const engine::SoftTokens>> blocks;  // one; a video has one a frame
  MediaTimings timings;  // zeros when it was found in the cache
  bool cached = false;
};

struct MediaEncoderOptions {
  double video_fps = 24;
  // A clip longer than the model takes (audio_seq_length soft tokens) is an error unless this is
  // set: then it becomes several clips, one after the other.
  bool split_audio = false;
};

// What encoding needs of a model. A package that is still being built has it before there is a
// Model of it: its manifest must hold the encoders, and what it says of text, vision and audio.
struct MediaModel {
  package::Package package;
  checkpoint::ProcessorConfig processor;
  std::vector<MediaTokens> tokens;  // placeholders.h; the kinds that the package takes
  ort::SessionOptions session;
  engine::ResolvedDevice device = {};  // where the encoders run
};

class MediaEncoder {
 public:
  explicit MediaEncoder(MediaModel model, MediaEncoderOptions options = {});
  ~MediaEncoder();
  MediaEncoder(MediaEncoder&&) noexcept;
  MediaEncoder& operator=(MediaEncoder&&) noexcept;

  // Errors: kUnsupported when the package has no such encoder; kBadInput naming the file; those of
  // the graphs; kCancelled while the file is hashed or decoded, and between two frames of a video
  // or two pieces of a clip.
  Result<EncodedMedia> encode(const MediaItem& item, const CancelToken* cancel = nullptr);
  // All of them, in order: a stage in which an image, a video frame or a clip is an item.
  Result<std::vector<EncodedMedia>> encode(const std::vector<MediaItem>& items, const Work& work);

  // What the front ends hand to the encoders, for people who debug.
  Result<media::ImagePatches> image_frontend(const std::filesystem::path& path) const;
  Result<media::LogMel> audio_frontend(const std::filesystem::path& path) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lapidary::encoders
