#include "runtime/media_file.h"

#include <cstdio>
#include <utility>

#include "media/audio_decoder.h"
#include "media/image_decoder.h"
#include "media/log_mel.h"
#include "package/file_hash.h"

namespace lapidary::runtime {
namespace {

using Path = std::filesystem::path;

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

// A pipe would wait for a writer, a device might never end.
Status check_regular(const Path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status)) return {};
  return bad_input(path.string(), "is not a regular file");
}

}  // namespace

Result<std::string> content_hash(const Path& path) {
  LAP_RETURN_IF_ERROR(check_regular(path));
  return package::file_hash(path, {});
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
                               bool any_length, MediaTimings& timings) {
  LAP_RETURN_IF_ERROR(check_regular(path));
  LAP_ASSIGN_OR_RETURN(media::Audio decoded,
                       timed(timings.decode_seconds, [&] { return media::load_audio(path); }));
  LAP_ASSIGN_OR_RETURN(media::Audio audio, timed(timings.frontend_seconds, [&] {
                         return media::resample(std::move(decoded), config.audio.sampling_rate);
                       }));
  const int64_t most = media::max_audio_samples(config);
  if (any_length || static_cast<int64_t>(audio.samples.size()) <= most) return audio;
  const double limit = static_cast<double>(most) / static_cast<double>(audio.sampling_rate);
  return bad_input(path.string(),
                   seconds_text(audio.seconds()) + " of sound; the model takes " +
                       seconds_text(limit) + " in one clip",
                   "cut it, or split it with --split-audio");
}

}  // namespace lapidary::runtime
