// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "checkpoint/processor_config.h"
#include "example.h"
#include "media/audio_decoder.h"
#include "media/audio_format.h"
#include "media/audio_layout.h"
#include "media/audio_reader.h"
#include "media/image_decoder.h"
#include "media/image_patches.h"
#include "media/log_mel.h"
#include "media/resize.h"
#include "media/video.h"

namespace lapidary::media {

Status audio_decoder_example() {
  // [media/audio_decoder.h]
  LAP_ASSIGN_OR_RETURN(Audio audio, load_audio("speech.wav", {.max_seconds = 30}));
  // [end]
  return {};
}

Status audio_format_example(std::span<const std::byte> file) {
  // [media/audio_format.h]
  LAP_ASSIGN_OR_RETURN(const AudioStream stream, find_audio(file, "a.mp3"));
  LAP_RETURN_IF_ERROR(check_pages(stream, "a.mp3"));
  // [end]
  return {};
}

Status audio_layout_example(const AudioStream& stream) {
  // [media/audio_layout.h]
  LAP_ASSIGN_OR_RETURN(const SoundLayout layout, lay_out_sound(stream, "a.wav"));
  LAP_ASSIGN_OR_RETURN(auto reader, open_sndfile(MemoryFile(layout.pieces), "a.wav"));
  // [end]
  use(reader);
  return {};
}

Status audio_reader_example(std::span<const std::byte> file) {
  // [media/audio_reader.h]
  LAP_ASSIGN_OR_RETURN(auto reader, open_sndfile(MemoryFile(file), "a.wav"));
  std::vector<float> block(4096 * reader->info().channels);
  LAP_ASSIGN_OR_RETURN(const int64_t frames, reader->read(block));
  // [end]
  use(frames);
  return {};
}

Status image_decoder_example() {
  // [media/image_decoder.h]
  LAP_ASSIGN_OR_RETURN(Image image, load_image("photo.jpg"));
  // [end]
  return {};
}

Status image_patches_example(const Image& image, const checkpoint::ProcessorConfig& processor) {
  // [media/image_patches.h]
  LAP_ASSIGN_OR_RETURN(ImagePatches patches, image_patches(image, processor.image, "photo.jpg"));
  // [end]
  EXPECT_EQ(patches.patches, patches.soft_tokens * 9);
  return {};
}

Status log_mel_example(const Audio& audio, const checkpoint::ProcessorConfig& processor) {
  // [media/log_mel.h]
  LAP_ASSIGN_OR_RETURN(LogMel mel, LogMelExtractor(processor.audio).extract(audio.samples));
  // [end]
  EXPECT_GT(mel.frames, 0);
  return {};
}

Status video_example(const checkpoint::ProcessorConfig& processor) {
  // [media/video.h]
  LAP_ASSIGN_OR_RETURN(std::vector<VideoFrame> frames,
                       sample_video("frames/", processor.video, {.fps = 24}));
  // [end]
  return {};
}

TEST(MediaExamples, Picture) {
  const Image photo{.width = 96, .height = 48, .rgb = std::vector<uint8_t>(96 * 48 * 3, 128)};
  // [media/resize.h]
  const Image small = resize(photo, 912, 672, Resample::kBicubic);
  // [end]
  EXPECT_EQ(small.rgb.size(), 912U * 672U * 3U);
  expect_ok(image_patches_example(photo, {}));
}

TEST(MediaExamples, Sound) {
  expect_ok(log_mel_example({.sampling_rate = 16000, .samples = std::vector<float>(16000)}, {}));
}

}  // namespace lapidary::media
