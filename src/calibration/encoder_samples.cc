#include "calibration/encoder_samples.h"

#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "contract/ports.h"
#include "encoders/fixed_audio_inputs.h"
#include "encoders/fixed_vision_inputs.h"
#include "encoders/media_file.h"
#include "media/log_mel.h"
#include "media/video.h"

namespace lapidary::calibration {
namespace {

namespace ports = contract::ports;

using encoders::MediaKind;
using Inputs = std::vector<ort::HostTensor>;

Error at(const std::string& where, Error error) {
  error.where = where + ": " + error.where;
  return error;
}

// One file after the other.
class FileSamples : public EncoderSamples {
 public:
  Result<std::optional<Inputs>> next() override {
    if (at_ == files_.size()) return std::optional<Inputs>{};
    const MediaUse& file = files_[at_++];
    auto inputs = read(file.item);
    if (!inputs.ok()) return at(file.where, inputs.take_error());
    return std::optional(*std::move(inputs));
  }
  Status rewind() override {
    at_ = 0;
    return {};
  }
  int64_t count() const override { return static_cast<int64_t>(files_.size()); }
  int64_t soft_tokens() const override { return soft_tokens_; }

 protected:
  explicit FileSamples(std::vector<MediaUse> files) : files_(std::move(files)) {}
  // The inputs made of the file; also sets soft_tokens_.
  virtual Result<Inputs> read(const encoders::MediaItem& item) = 0;

  int64_t soft_tokens_ = 0;

 private:
  std::vector<MediaUse> files_;
  size_t at_ = 0;
};

class VisionSamples final : public FileSamples {
 public:
  VisionSamples(std::vector<MediaUse> pictures, const checkpoint::ProcessorConfig& processor,
                const package::VisionModel& model)
      : FileSamples(std::move(pictures)), processor_(processor), model_(model) {}

 private:
  Result<Inputs> read(const encoders::MediaItem& item) override {
    const bool frame = item.kind == MediaKind::kVideo;
    encoders::MediaTimings unused;
    LAP_ASSIGN_OR_RETURN(
        const media::ImagePatches patches,
        encoders::load_patches(item.path, frame ? processor_.video.frames : processor_.image,
                               unused));
    soft_tokens_ = patches.soft_tokens;
    return encoders::fixed_vision_inputs(patches, model_);
  }

  checkpoint::ProcessorConfig processor_;
  package::VisionModel model_;
};

class AudioSamples final : public FileSamples {
 public:
  AudioSamples(std::vector<MediaUse> clips, const checkpoint::ProcessorConfig& processor,
               const package::AudioModel& model)
      : FileSamples(std::move(clips)),
        processor_(processor),
        model_(model),
        mel_(processor.audio) {}

 private:
  Result<Inputs> read(const encoders::MediaItem& item) override {
    encoders::MediaTimings unused;
    LAP_ASSIGN_OR_RETURN(const media::Audio clip,
                         encoders::load_clip(item.path, processor_, false, unused));
    LAP_ASSIGN_OR_RETURN(const media::LogMel frames, mel_.extract(clip.samples));
    soft_tokens_ = media::audio_soft_tokens(frames.input_features_mask);
    return encoders::fixed_audio_inputs(frames, model_);
  }

  checkpoint::ProcessorConfig processor_;
  package::AudioModel model_;
  media::LogMelExtractor mel_;
};

}  // namespace

std::vector<MediaUse> media_of(std::span<const Sequence> sequences) {
  std::vector<MediaUse> out;
  std::set<std::pair<MediaKind, std::filesystem::path>> seen;
  for (const Sequence& sequence : sequences) {
    for (const encoders::MediaItem& item : sequence.media) {
      if (seen.emplace(item.kind, item.path).second) out.push_back({item, sequence.where});
    }
  }
  return out;
}

Result<std::unique_ptr<EncoderSamples>> vision_samples(std::span<const MediaUse> media,
                                                       const checkpoint::ProcessorConfig& processor,
                                                       const package::VisionModel& model) {
  std::vector<MediaUse> pictures;
  for (const MediaUse& each : media) {
    if (each.item.kind == MediaKind::kImage) pictures.push_back(each);
    if (each.item.kind != MediaKind::kVideo) continue;
    auto frames = media::sample_video(each.item.path, processor.video, {});
    if (!frames.ok()) return at(each.where, frames.take_error());
    for (const media::VideoFrame& frame : *frames) {
      pictures.push_back({{MediaKind::kVideo, frame.path}, each.where});
    }
  }
  return std::unique_ptr<EncoderSamples>(
      std::make_unique<VisionSamples>(std::move(pictures), processor, model));
}

Result<std::unique_ptr<EncoderSamples>> audio_samples(std::span<const MediaUse> media,
                                                      const checkpoint::ProcessorConfig& processor,
                                                      const package::AudioModel& model) {
  std::vector<MediaUse> clips;
  for (const MediaUse& each : media) {
    if (each.item.kind == MediaKind::kAudio) clips.push_back(each);
  }
  return std::unique_ptr<EncoderSamples>(
      std::make_unique<AudioSamples>(std::move(clips), processor, model));
}

Status set_fixed_encoder_ranges(const graph::Graph& graph, double masked, quant::Ranges& ranges) {
  for (const graph::ValueInfo& input : graph.inputs) {
    if (input.name == ports::kAttentionMask) {
      LAP_RETURN_IF_ERROR(ranges.set(input.name, {static_cast<float>(masked), 0.0F}));
    } else if (input.name == ports::kSubsampledMask) {
      LAP_RETURN_IF_ERROR(ranges.set(input.name, {0.0F, 1.0F}));
    } else if (const quant::Range* seen = ranges.find(input.name);
               input.name == ports::kPixelValues && seen != nullptr && seen->min >= 0 &&
               seen->max <= 1) {
      LAP_RETURN_IF_ERROR(ranges.set(input.name, {0.0F, 1.0F}));
    }
  }
  return {};
}

}  // namespace lapidary::calibration
