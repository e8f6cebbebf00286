// From a media file to what the encoders take, with the time each step took.
#pragma once

#include <filesystem>
#include <string>

#include "base/progress.h"
#include "base/result.h"
#include "base/stopwatch.h"
#include "checkpoint/processor_config.h"
#include "encoders/media_encoder.h"
#include "media/audio.h"
#include "media/image_patches.h"

namespace lapidary::encoders {

// Runs `step` and adds the time it took to `seconds`.
template <typename Step>
auto timed(double& seconds, const Step& step) {
  const Stopwatch watch;
  auto result = step();
  seconds += watch.seconds();
  return result;
}

// Of the file's bytes, up to 1 GiB. Errors: kBadInput for what is not a regular file, or is larger;
// kIo; kCancelled.
Result<std::string> content_hash(const std::filesystem::path& path,
                                 const CancelToken* cancel = nullptr);

// A picture's patches. Errors: those of load_image and image_patches.
Result<media::ImagePatches> load_patches(const std::filesystem::path& path,
                                         const checkpoint::ImageProcessorConfig& config,
                                         MediaTimings& timings);

// A clip at the rate of the front end. Errors: those of load_audio; kBadInput for one that makes
// more soft tokens than the model takes, unless `any_length`; kCancelled.
Result<media::Audio> load_clip(const std::filesystem::path& path,
                               const checkpoint::ProcessorConfig& config, bool any_length,
                               MediaTimings& timings, const CancelToken* cancel = nullptr);

}  // namespace lapidary::encoders
