#include "encoders/media_encoder.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "encoders/encoder_graph.h"
#include "encoders/media_cache.h"
#include "encoders/media_file.h"
#include "encoders/placeholders.h"
#include "media/video.h"

namespace lapidary::encoders {
namespace {

using Path = std::filesystem::path;
using Blocks = MediaBlocks;

// Of what was encoded: some hundred pictures of 280 soft tokens, 1536 wide.
constexpr size_t kMostCached = size_t{256} << 20;

// "mm:ss", as Gemma4Processor.replace_video_token writes a frame's time.
std::string timestamp(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  return fmt::format("{:02}:{:02}", whole / 60, whole % 60);
}

}  // namespace

const char* name(MediaKind kind) {
  switch (kind) {
    case MediaKind::kAudio:
      return "audio";
    case MediaKind::kVideo:
      return "video";
    case MediaKind::kImage:
      break;
  }
  return "image";
}

struct MediaEncoder::State {
  State(MediaModel of, const MediaEncoderOptions& with) : model(std::move(of)), options(with) {}

  Result<const MediaTokens*> tokens(const MediaItem& item) const;
  ort::SessionOptions session_options() const;
  Result<const EncoderGraph*> vision_graph();
  Result<const EncoderGraph*> audio_graph();

  Result<std::shared_ptr<const engine::SoftTokens>> encode_picture(
      const Path& path, const checkpoint::ImageProcessorConfig& config, std::string hash,
      MediaTimings& timings);
  Result<Blocks> encode_clip(const Path& path, const std::string& hash, const Work& work,
                             MediaTimings& timings);
  // Adds a picture's block to `to`, from the cache if it is there.
  Status add_picture(const Path& path, MediaKind kind, const Work& work, EncodedMedia& to);
  // These advance `work` by one for an image, a frame or a clip.
  Result<EncodedMedia> encode_image(const MediaItem& item, const Work& work);
  Result<EncodedMedia> encode_audio(const MediaItem& item, const Work& work);
  Result<EncodedMedia> encode_video(const MediaItem& item, const Work& work);
  Result<EncodedMedia> encode(const MediaItem& item, const Work& work);
  Result<std::vector<media::VideoFrame>> frames(const Path& folder) const;
  uint64_t units(const MediaItem& item) const;

  MediaModel model;
  MediaEncoderOptions options;
  std::optional<EncoderGraph> vision;
  std::optional<EncoderGraph> audio;
  std::optional<media::LogMelExtractor> mel;
  MediaCache cache{kMostCached};  // by kind and content
};

// How the item's kind appears in prompts; also says whether the package takes it.
Result<const MediaTokens*> MediaEncoder::State::tokens(const MediaItem& item) const {
  for (const MediaTokens& tokens : model.tokens) {
    if (tokens.kind == item.kind) return &tokens;
  }
  return unsupported(item.path.string(),
                     fmt::format("the package has no encoder for {} files", name(item.kind)),
                     "build one from a checkpoint that has it");
}

// The encoders run now and then, between the decoder's steps: their threads must not spin
// meanwhile. Spinning also costs an image's own run a quarter more processor time on two cores.
ort::SessionOptions MediaEncoder::State::session_options() const {
  ort::SessionOptions quiet = model.session;
  quiet.spinning = false;
  return quiet;
}

Result<const EncoderGraph*> MediaEncoder::State::vision_graph() {
  if (!vision) {
    const EncoderPorts ports =
        vision_ports(model.package.manifest, model.processor.image.patch_size);
    LAP_ASSIGN_OR_RETURN(vision,
                         EncoderGraph::open(model.package, ports, session_options(), model.device));
  }
  return &*vision;
}

Result<const EncoderGraph*> MediaEncoder::State::audio_graph() {
  if (!audio) {
    const EncoderPorts ports =
        audio_ports(model.package.manifest, model.processor.audio.feature_size);
    LAP_ASSIGN_OR_RETURN(audio,
                         EncoderGraph::open(model.package, ports, session_options(), model.device));
  }
  return &*audio;
}

Result<std::shared_ptr<const engine::SoftTokens>> MediaEncoder::State::encode_picture(
    const Path& path, const checkpoint::ImageProcessorConfig& config, std::string hash,
    MediaTimings& timings) {
  LAP_ASSIGN_OR_RETURN(const media::ImagePatches patches, load_patches(path, config, timings));
  LAP_ASSIGN_OR_RETURN(const EncoderGraph* graph, vision_graph());
  auto tokens = std::make_shared<engine::SoftTokens>();
  tokens->count = patches.soft_tokens;
  tokens->content_hash = std::move(hash);
  LAP_ASSIGN_OR_RETURN(tokens->features,
                       timed(timings.encoder_seconds, [&] { return graph->run(patches); }));
  return std::shared_ptr<const engine::SoftTokens>(std::move(tokens));
}

Status MediaEncoder::State::add_picture(const Path& path, MediaKind kind, const Work& work,
                                        EncodedMedia& to) {
  const checkpoint::ProcessorConfig& processor = model.processor;
  LAP_ASSIGN_OR_RETURN(const std::string hash, content_hash(path, work.cancel));
  const std::string key = fmt::format("{}:{}", name(kind), hash);
  if (const Blocks* found = cache.find(key)) {
    to.blocks.push_back(found->front());
    return {};
  }
  LAP_ASSIGN_OR_RETURN(
      auto tokens,
      encode_picture(path, kind == MediaKind::kVideo ? processor.video.frames : processor.image,
                     key, to.timings));
  cache.add(key, {tokens});
  to.blocks.push_back(std::move(tokens));
  to.cached = false;
  return {};
}

Result<EncodedMedia> MediaEncoder::State::encode_image(const MediaItem& item, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const MediaTokens* tokens, this->tokens(item));
  EncodedMedia out;
  out.kind = item.kind;
  out.cached = true;
  LAP_RETURN_IF_ERROR(add_picture(item.path, item.kind, work, out));
  out.replacement = tokens->marked(out.blocks.front()->count);
  work.advance(1);
  return out;
}

Result<EncodedMedia> MediaEncoder::State::encode_video(const MediaItem& item, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const MediaTokens* tokens, this->tokens(item));
  LAP_ASSIGN_OR_RETURN(const std::vector<media::VideoFrame> shown, frames(item.path));
  EncodedMedia out;
  out.kind = item.kind;
  out.cached = true;
  for (const media::VideoFrame& frame : shown) {
    if (work.is_cancelled()) return cancelled();
    LAP_RETURN_IF_ERROR(add_picture(frame.path, item.kind, work, out));
    if (!out.replacement.empty()) out.replacement += " ";
    out.replacement +=
        fmt::format("{} {}", timestamp(frame.seconds), tokens->marked(out.blocks.back()->count));
    work.advance(1);
  }
  return out;
}

Result<Blocks> MediaEncoder::State::encode_clip(const Path& path, const std::string& hash,
                                                const Work& work, MediaTimings& timings) {
  const checkpoint::ProcessorConfig& processor = model.processor;
  LAP_ASSIGN_OR_RETURN(const media::Audio clip,
                       load_clip(path, processor, options.split_audio, timings, work.cancel));
  if (!mel) mel.emplace(processor.audio);
  const auto longest = static_cast<size_t>(media::max_audio_samples(processor));
  Blocks blocks;
  for (std::span<const float> rest = clip.samples; !rest.empty();) {
    if (work.is_cancelled()) return cancelled();
    const std::span<const float> piece = rest.first(std::min(longest, rest.size()));
    rest = rest.subspan(piece.size());
    LAP_ASSIGN_OR_RETURN(const media::LogMel frames,
                         timed(timings.frontend_seconds, [&] { return mel->extract(piece); }));
    auto tokens = std::make_shared<engine::SoftTokens>();
    tokens->count = media::audio_soft_tokens(frames.input_features_mask);
    if (tokens->count == 0) continue;  // a last piece may be too short
    tokens->content_hash = fmt::format("{}:{}", hash, blocks.size());
    LAP_ASSIGN_OR_RETURN(const EncoderGraph* graph, audio_graph());
    LAP_ASSIGN_OR_RETURN(tokens->features,
                         timed(timings.encoder_seconds, [&] { return graph->run(frames); }));
    blocks.push_back(std::move(tokens));
  }
  if (!blocks.empty()) return blocks;
  return bad_input(path.string(), "too short for a single soft token",
                   fmt::format("give at least {} ms", processor.audio_ms_per_token));
}

Result<EncodedMedia> MediaEncoder::State::encode_audio(const MediaItem& item, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const MediaTokens* tokens, this->tokens(item));
  LAP_ASSIGN_OR_RETURN(const std::string hash, content_hash(item.path, work.cancel));
  const std::string key = fmt::format("{}:{}", name(item.kind), hash);
  EncodedMedia out;
  out.kind = item.kind;
  const Blocks* const found = cache.find(key);
  out.cached = found != nullptr;
  if (out.cached) {
    out.blocks = *found;
  } else {
    LAP_ASSIGN_OR_RETURN(out.blocks, encode_clip(item.path, key, work, out.timings));
    cache.add(key, out.blocks);
  }
  for (const auto& block : out.blocks) out.replacement += tokens->marked(block->count);
  work.advance(1);
  return out;
}

Result<EncodedMedia> MediaEncoder::State::encode(const MediaItem& item, const Work& work) {
  if (work.is_cancelled()) return cancelled();
  switch (item.kind) {
    case MediaKind::kAudio:
      return encode_audio(item, work);
    case MediaKind::kVideo:
      return encode_video(item, work);
    case MediaKind::kImage:
      break;
  }
  return encode_image(item, work);
}

Result<std::vector<media::VideoFrame>> MediaEncoder::State::frames(const Path& folder) const {
  return media::sample_video(folder, model.processor.video,
                             {.fps = options.video_fps, .limits = {}});
}

// What encode() will report as progress.
uint64_t MediaEncoder::State::units(const MediaItem& item) const {
  if (item.kind != MediaKind::kVideo) return 1;
  const auto shown = frames(item.path);
  return shown.ok() ? shown->size() : 1;
}

MediaEncoder::MediaEncoder(MediaModel model, MediaEncoderOptions options)
    : state_(std::make_unique<State>(std::move(model), options)) {}
MediaEncoder::~MediaEncoder() = default;
MediaEncoder::MediaEncoder(MediaEncoder&&) noexcept = default;
MediaEncoder& MediaEncoder::operator=(MediaEncoder&&) noexcept = default;

Result<EncodedMedia> MediaEncoder::encode(const MediaItem& item, const CancelToken* cancel) {
  return state_->encode(item, {.cancel = cancel});
}

Result<std::vector<EncodedMedia>> MediaEncoder::encode(const std::vector<MediaItem>& items,
                                                       const Work& work) {
  std::vector<EncodedMedia> out;
  if (items.empty()) return out;
  uint64_t total = 0;
  for (const MediaItem& item : items) total += state_->units(item);
  work.stage("encode", total, Unit::kItems);
  for (const MediaItem& item : items) {
    LAP_ASSIGN_OR_RETURN(EncodedMedia encoded, state_->encode(item, work));
    out.push_back(std::move(encoded));
  }
  return out;
}

Result<media::ImagePatches> MediaEncoder::image_frontend(const Path& path) const {
  LAP_RETURN_IF_ERROR(state_->tokens({MediaKind::kImage, path}));
  MediaTimings unused;
  return load_patches(path, state_->model.processor.image, unused);
}

Result<media::LogMel> MediaEncoder::audio_frontend(const Path& path) const {
  LAP_RETURN_IF_ERROR(state_->tokens({MediaKind::kAudio, path}));
  const checkpoint::ProcessorConfig& processor = state_->model.processor;
  MediaTimings unused;
  LAP_ASSIGN_OR_RETURN(const media::Audio clip,
                       load_clip(path, processor, state_->options.split_audio, unused));
  return media::LogMelExtractor(processor.audio).extract(clip.samples);
}

}  // namespace lapidary::encoders
