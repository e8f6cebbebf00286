#include "cli/attachments.h"

#include <fmt/core.h>

#include <cstdlib>
#include <utility>

#include "cli/media_flags.h"

namespace lapidary::cli {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::filesystem::path expanded(std::string_view name) {
  const char* const home = std::getenv("HOME");
  if (home == nullptr || (name != "~" && !name.starts_with("~/"))) return name;
  return std::string(home) + std::string(name.substr(1));
}

}  // namespace

std::optional<encoders::MediaItem> parse_attachment(std::string_view line) {
  using encoders::MediaKind;
  for (const MediaKind kind : {MediaKind::kImage, MediaKind::kAudio, MediaKind::kVideo}) {
    const std::string command = std::string("/") + encoders::name(kind);
    if (!line.starts_with(command)) continue;
    const std::string_view rest = line.substr(command.size());
    if (!rest.empty() && rest.front() != ' ' && rest.front() != '\t') continue;
    return encoders::MediaItem{kind, expanded(trimmed(rest))};
  }
  return std::nullopt;
}

std::string Attachments::add(encoders::MediaItem item, encoders::EncodedMedia encoded) {
  items_.push_back(std::move(item));
  encoded_.push_back(std::move(encoded));
  return line(items_.size() - 1);
}

void Attachments::clear() {
  items_.clear();
  encoded_.clear();
}

std::string Attachments::list() const {
  if (items_.empty()) return "nothing is attached\n";
  std::string text;
  for (size_t i = 0; i < items_.size(); ++i) text += line(i);
  return text;
}

std::string Attachments::line(size_t i) const {
  return fmt::format("{} {}: {} soft tokens\n", encoders::name(items_[i].kind),
                     items_[i].path.string(), soft_tokens_of(encoded_[i]));
}

}  // namespace lapidary::cli
