#include "calibration/chat_media.h"

#include <fmt/core.h>

#include <optional>
#include <system_error>
#include <utility>

#include "base/mapped_file.h"
#include "media/audio_format.h"
#include "media/image_format.h"

namespace lapidary::calibration {
namespace {

using encoders::MediaItem;
using encoders::MediaKind;
namespace fs = std::filesystem;

constexpr const char* kPartForm =
    R"(a part is {"type": "text", "text": "..."} or {"type": "image", "path": "a.png"}, )"
    R"("audio" and "video" alike)";

std::optional<MediaKind> kind_of(const std::string& type) {
  for (const MediaKind kind : {MediaKind::kImage, MediaKind::kAudio, MediaKind::kVideo}) {
    if (type == encoders::name(kind)) return kind;
  }
  return std::nullopt;
}

// What the part says its file is.
Result<std::string> named_file(const Json& part, MediaKind kind, const std::string& where) {
  for (const char* key : {encoders::name(kind), "url", "path"}) {
    if (!part.contains(key)) continue;
    if (!part[key].is_string() || part[key].get_ref<const std::string&>().empty()) {
      return bad_input(where, fmt::format("'{}' is no file name", key), kPartForm);
    }
    return part[key].get<std::string>();
  }
  if (part.contains("base64")) {
    return unsupported(where, "a part holds its data itself (base64)",
                       "write it to a file and name that in \"path\"");
  }
  return bad_input(where, fmt::format("a part of type {} names no file", encoders::name(kind)),
                   kPartForm);
}

// What a decoder will say later is said here for the cheapest of reasons.
Status check_content(const MediaItem& item, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(item.path));
  const auto bytes = file->bytes();
  const std::string place = where + ": " + item.path.string();
  if (item.kind == MediaKind::kAudio) {
    const auto stream = media::find_audio(bytes, place);
    return stream.ok() ? Status() : stream.error();
  }
  const media::SniffedFormat found = media::sniff_format(bytes);
  if (found.format == media::ImageFormat::kKnown) {
    return unsupported(place, fmt::format("is {}, which is not read", found.name),
                       "convert it to PNG or JPEG");
  }
  if (found.format != media::ImageFormat::kUnknown) return {};
  return bad_input(place, "is no image", "give a PNG, JPEG, WebP or BMP file");
}

Status check_file(const MediaItem& item, const std::string& where) {
  std::error_code problem;
  const fs::file_status status = fs::status(item.path, problem);
  const std::string place = where + ": " + item.path.string();
  if (!fs::exists(status)) {
    return bad_input(place, "does not exist",
                     "paths are relative to the folder of the .jsonl file");
  }
  if (item.kind == MediaKind::kVideo) {
    if (fs::is_directory(status)) return {};
    return unsupported(place, "is no folder, and video files are not read",
                       "give a folder of frames");
  }
  if (!fs::is_regular_file(status)) return bad_input(place, "is not a regular file");
  return check_content(item, where);
}

Result<MediaItem> item_of(const Json& part, MediaKind kind, const fs::path& folder,
                          const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const std::string name, named_file(part, kind, where));
  if (name.find("://") != std::string::npos || name.starts_with("data:")) {
    return unsupported(
        where, fmt::format("'{}' is no local file, and nothing is fetched", name.substr(0, 80)),
        "save it beside the .jsonl file and name that in \"path\"");
  }
  MediaItem item{kind, folder / name};
  LAP_RETURN_IF_ERROR(check_file(item, where));
  return item;
}

Status take_part(Json& part, const fs::path& folder, const std::string& where,
                 std::vector<MediaItem>& media) {
  const bool typed = part.is_object() && part.contains("type") && part["type"].is_string();
  if (!typed) return bad_input(where, "a part of a message has no type", kPartForm);
  const auto type = part["type"].get<std::string>();
  if (type == "text") {
    if (part.contains("text") && part["text"].is_string()) return {};
    return bad_input(where, "a part of type text has no text", kPartForm);
  }
  const std::optional<MediaKind> kind = kind_of(type);
  if (!kind) return bad_input(where, fmt::format("a part has the type '{}'", type), kPartForm);
  if (media.size() == kMostMediaOfChat) {
    return bad_input(where, fmt::format("has more than {} files", kMostMediaOfChat));
  }
  LAP_ASSIGN_OR_RETURN(MediaItem item, item_of(part, *kind, folder, where));
  media.push_back(std::move(item));
  part = Json{{"type", type}};
  return {};
}

}  // namespace

Result<std::vector<MediaItem>> take_media(Json& messages, const fs::path& folder,
                                          const std::string& where) {
  std::vector<MediaItem> media;
  for (Json& message : messages) {
    if (!message.is_object() || !message.contains("content")) continue;
    Json& content = message["content"];
    if (!content.is_array()) continue;
    for (Json& part : content) LAP_RETURN_IF_ERROR(take_part(part, folder, where, media));
  }
  return media;
}

}  // namespace lapidary::calibration
