#include "media/video.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include "base/files.h"
#include "base/input_file.h"
#include "media/image_format.h"

namespace lapidary::media {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The run of digits that `text` starts with, without leading zeros, is taken off it.
std::string_view take_number(std::string_view& text) {
  const size_t start = std::min(text.find_first_not_of('0'), text.size());
  size_t end = start;
  while (end < text.size() && is_digit(text[end])) ++end;
  const std::string_view number = text.substr(start, end - start);
  text.remove_prefix(end);
  return number;
}

// Negative, zero or positive as `a` sorts before, with or after `b`.
int compare_naturally(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const std::string_view m = take_number(a);
      const std::string_view n = take_number(b);
      if (m.size() != n.size()) return m.size() < n.size() ? -1 : 1;
      if (const int order = m.compare(n); order != 0) return order;
    } else {
      if (a[0] != b[0]) return a.substr(0, 1).compare(b.substr(0, 1));
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  return a.compare(b);
}

bool comes_before(const std::filesystem::path& a, const std::filesystem::path& b) {
  const std::string x = a.filename().string();
  const std::string y = b.filename().string();
  const int order = compare_naturally(x, y);
  return order != 0 ? order < 0 : x < y;
}

// By content, as images are decoded. Formats that are known but not read count, so that such a
// frame is an error later and not a gap.
bool is_image(const std::filesystem::path& path) {
  const auto file = InputFile::open(path);
  if (!file.ok()) return false;
  std::vector<std::byte> head(std::min(file->size(), size_t{kSniffedBytes}));
  if (!file->read(0, head).ok()) return false;
  return sniff_format(head).format != ImageFormat::kUnknown;
}

Result<std::vector<std::filesystem::path>> images_in(const std::filesystem::path& folder) {
  std::error_code code;
  std::vector<std::filesystem::path> found;
  std::filesystem::directory_iterator entry(folder, code);
  for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
    std::error_code ignored;
    if (entry->path().filename().string().starts_with('.')) continue;
    if (entry->is_regular_file(ignored) && is_image(entry->path())) found.push_back(entry->path());
  }
  if (code) return system_error(folder, code.value());
  std::sort(found.begin(), found.end(), comes_before);
  return found;
}

}  // namespace

Result<std::vector<VideoFrame>> sample_video(const std::filesystem::path& folder,
                                             const checkpoint::VideoProcessorConfig& config,
                                             const VideoOptions& options) {
  if (!(options.fps > 0)) {
    return bad_input(folder.string(), "the frame rate of a video must be positive");
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return bad_input(folder.string(), "a video is a folder of image files, and this is none",
                     "extract the frames into a folder first");
  }
  LAP_ASSIGN_OR_RETURN(const auto images, images_in(folder));
  if (images.empty()) {
    return bad_input(folder.string(), "no image files in the folder",
                     "extract the video's frames into it");
  }
  const size_t wanted = config.do_sample_frames
                            ? std::min(images.size(), static_cast<size_t>(config.num_frames))
                            : images.size();
  std::vector<VideoFrame> frames;
  frames.reserve(wanted);
  for (size_t i = 0; i < wanted; ++i) {
    const size_t index = i * images.size() / wanted;
    frames.push_back({images[index], static_cast<double>(index) / options.fps});
  }
  return frames;
}

}  // namespace lapidary::media
