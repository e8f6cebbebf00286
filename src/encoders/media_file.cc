#include "encoders/media_file.h"

#include <fmt/core.h>

#include <utility>

#include "base/hash.h"
#include "media/audio_decoder.h"
#include "media/image_decoder.h"
#include "media/log_mel.h"

namespace lapidary::encoders {
namespace {

using Path = std::filesystem::path;

constexpr const char* kTooLongRemedy = "cut it, or split it with --split-audio";

// A pipe would wait for a writer, a device might never end.
Status check_regular(const Path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status)) return {};
  return bad_input(path.string(), "is not a regular file");
}

}  // namespace

Result<std::string> content_hash(const Path& path, const CancelToken* cancel) {
  LAP_RETURN_IF_ERROR(check_regular(path));
  // What no decoder will read is not worth hashing, which takes minutes for a file of 100 GB.
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(path, error);
  if (!error && bytes > static_cast<uint64_t>(media::AudioLimits().max_file_bytes)) {
    return bad_input(path.string(),
                     fmt::format("has {} bytes, more than any image or sound that is read", bytes));
  }
  return file_hash(path, {.cancel = cancel});
}

Result<media::ImagePatches> load_patches(const Path& path,
                                         const checkpoint::ImageProcessorConfig& config,
                                         MediaTimings& timings) {
  LAP_RETURN_IF_ERROR(check_regular(path));
  LAP_ASSIGN_OR_RETURN(const media::Image image,
                       timed(timings.decode_seconds, [&] { return media::load_image(path); }));
  return timed(timings.frontend_seconds,
               [&] { return media::image_patches(image, config, path.string()); });
}

Result<media::Audio> load_clip(const Path& path, const checkpoint::ProcessorConfig& config,
                               bool any_length, MediaTimings& timings, const CancelToken* cancel) {
  LAP_RETURN_IF_ERROR(check_regular(path));
  const int64_t most = media::max_audio_samples(config);
  media::AudioLimits limits;
  limits.cancel = cancel;
  if (!any_length) {
    // No more is decoded than is used: a small file may hold hours.
    limits.max_seconds =
        static_cast<double>(most) / static_cast<double>(config.audio.sampling_rate);
    limits.too_long_remedy = kTooLongRemedy;
  }
  LAP_ASSIGN_OR_RETURN(media::Audio decoded, timed(timings.decode_seconds, [&] {
                         return media::load_audio(path, limits);
                       }));
  LAP_ASSIGN_OR_RETURN(media::Audio audio, timed(timings.frontend_seconds, [&] {
                         return media::resample(std::move(decoded), config.audio.sampling_rate);
                       }));
  if (any_length || static_cast<int64_t>(audio.samples.size()) <= most) return audio;
  return bad_input(path.string(),
                   fmt::format("{:.2f} s of sound; the model takes {:.2f} s in one clip",
                               audio.seconds(), limits.max_seconds),
                   kTooLongRemedy);
}

}  // namespace lapidary::encoders
