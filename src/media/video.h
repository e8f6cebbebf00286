// Video as frames: a folder of image files, in the order of their names.
//
//   LAP_ASSIGN_OR_RETURN(std::vector<VideoFrame> frames,
//                        sample_video("frames/", processor.video, {.fps = 24}));
//
// "Frame 2" comes before "frame 10": runs of digits in names compare as numbers, all else byte by
// byte. Hidden files and files that are no images by their content are passed over.
//
// num_frames of them are taken at even distances, as the reference samples (which refuses a video
// of fewer frames, where all are taken here); each is turned into patches like an image, with the
// video section's own soft-token budget. Source: Gemma4VideoProcessor and
// BaseVideoProcessor.sample_frames of transformers 5.23.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "checkpoint/processor_config.h"
#include "media/image_decoder.h"
#include "media/image_patches.h"

namespace lapidary::media {

struct VideoOptions {
  double fps = 24;  // of the folder's frames; the prompt tells the model each frame's time
  ImageLimits limits = {};
};

struct VideoFrame {
  std::filesystem::path path;
  double seconds = 0;  // from the start
};

// Which frames of the folder are shown to the model. Errors, kBadInput naming the folder: not a
// folder, no images in it, fps that is not positive.
Result<std::vector<VideoFrame>> sample_video(const std::filesystem::path& folder,
                                             const checkpoint::VideoProcessorConfig& config,
                                             const VideoOptions& options);

}  // namespace lapidary::media
