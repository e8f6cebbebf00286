// From a media file to what the encoders take, with the time each step took.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "checkpoint/processor_config.h"
#include "encoders/media_encoder.h"
#include "media/audio.h"
#include "media/image_patches.h"

namespace lapidary::encoders {

// Runs `work` and adds the time it took to `seconds`.
template <typename Work>
auto timed(double& seconds, const Work& work) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  auto result = work();
  seconds += std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

// Of the file's bytes. Errors: kBadInput for what is not a regular file; kIo.
Result<std::string> content_hash(const std::filesystem::path& path);

// A picture's patches. Errors: those of load_image and image_patches.
Result<media::ImagePatches> load_patches(const std::filesystem::path& path,
                                         const checkpoint::ImageProcessorConfig& config,
                                         MediaTimings& timings);

// A clip at the rate of the front end. Errors: those of load_audio; kBadInput for one that makes
// more soft tokens than the model takes, unless `any_length`.
Result<media::Audio> load_clip(const std::filesystem::path& path,
                               const checkpoint::ProcessorConfig& config, bool any_length,
                               MediaTimings& timings);

}  // namespace lapidary::encoders
