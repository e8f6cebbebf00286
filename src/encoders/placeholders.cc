#include "encoders/placeholders.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace lapidary::encoders {
namespace {

// The text of a token; none for -1, which says that the model has no such token.
Result<std::string> token_text(const text::Tokenizer& tokenizer, int64_t id) {
  if (id < 0) return std::string();
  std::optional<std::string> text = tokenizer.id_to_token(static_cast<int32_t>(id));
  if (text && !text->empty()) return *std::move(text);
  return bad_input("tokenizer.json",
                   fmt::format("has no token {}, which {} names for images or sound", id,
                               package::kManifestFile),
                   "build the package again");
}

Result<MediaTokens> tokens_of(MediaKind kind, const text::Tokenizer& tokenizer, int64_t placeholder,
                              int64_t begin, int64_t end) {
  MediaTokens out;
  out.kind = kind;
  out.id = static_cast<int32_t>(placeholder);
  LAP_ASSIGN_OR_RETURN(out.placeholder, token_text(tokenizer, placeholder));
  LAP_ASSIGN_OR_RETURN(out.begin_mark, token_text(tokenizer, begin));
  LAP_ASSIGN_OR_RETURN(out.end_mark, token_text(tokenizer, end));
  return out;
}

Status check_numbers(std::string_view text, const MediaTokens& tokens,
                     std::span<const EncodedMedia> media) {
  const int64_t places = count_placeholders(text, tokens.placeholder);
  const int64_t given = std::count_if(media.begin(), media.end(), [&](const EncodedMedia& item) {
    return item.kind == tokens.kind;
  });
  if (places == given) return {};
  return placeholder_mismatch(tokens, places, given);
}

const MediaTokens* tokens_for(std::span<const MediaTokens> kinds, MediaKind kind) {
  const auto at = std::find_if(kinds.begin(), kinds.end(),
                               [&](const MediaTokens& tokens) { return tokens.kind == kind; });
  return at == kinds.end() ? nullptr : &*at;
}

// The blocks of one kind's items, one after the other.
std::vector<std::shared_ptr<const engine::SoftTokens>> blocks_of(
    MediaKind kind, std::span<const EncodedMedia> media) {
  std::vector<std::shared_ptr<const engine::SoftTokens>> blocks;
  for (const EncodedMedia& item : media) {
    if (item.kind == kind) blocks.insert(blocks.end(), item.blocks.begin(), item.blocks.end());
  }
  return blocks;
}

}  // namespace

std::string MediaTokens::marked(int64_t soft_tokens) const {
  std::string out = begin_mark;
  for (int64_t i = 0; i < soft_tokens; ++i) out += placeholder;
  return out + end_mark;
}

Result<std::vector<MediaTokens>> media_tokens(const package::Manifest& manifest,
                                              const text::Tokenizer& tokenizer) {
  std::vector<MediaTokens> kinds;
  const auto add = [&](MediaKind kind, int64_t placeholder, int64_t begin, int64_t end) -> Status {
    if (placeholder < 0) return {};
    LAP_ASSIGN_OR_RETURN(MediaTokens tokens, tokens_of(kind, tokenizer, placeholder, begin, end));
    kinds.push_back(std::move(tokens));
    return {};
  };
  if (const auto& vision = manifest.vision) {
    LAP_RETURN_IF_ERROR(
        add(MediaKind::kImage, vision->image_token_id, vision->boi_token_id, vision->eoi_token_id));
    LAP_RETURN_IF_ERROR(
        add(MediaKind::kVideo, vision->video_token_id, vision->boi_token_id, vision->eoi_token_id));
  }
  if (const auto& audio = manifest.audio) {
    LAP_RETURN_IF_ERROR(
        add(MediaKind::kAudio, audio->audio_token_id, audio->boa_token_id, audio->eoa_token_id));
  }
  return kinds;
}

int64_t count_placeholders(std::string_view text, std::string_view placeholder) {
  int64_t count = 0;
  for (size_t at = text.find(placeholder); at != std::string_view::npos;
       at = text.find(placeholder, at + placeholder.size())) {
    ++count;
  }
  return count;
}

Error placeholder_mismatch(const MediaTokens& tokens, int64_t places, int64_t items) {
  return bad_input("prompt",
                   fmt::format("{} {} for {} {} {}", places, tokens.placeholder, items,
                               name(tokens.kind), items == 1 ? "file" : "files"),
                   fmt::format("give one file for each {}, in their order", tokens.placeholder));
}

Result<std::string> expand_placeholders(std::string_view text, std::span<const MediaTokens> kinds,
                                        std::span<const EncodedMedia> media) {
  for (const EncodedMedia& item : media) {
    if (tokens_for(kinds, item.kind) == nullptr) {
      return unsupported("prompt",
                         fmt::format("the package has no encoder for {} files", name(item.kind)));
    }
  }
  for (const MediaTokens& tokens : kinds) {
    LAP_RETURN_IF_ERROR(check_numbers(text, tokens, media));
  }
  std::vector<size_t> next(kinds.size(), 0);  // of each kind, the item to look at
  std::string out;
  while (true) {
    // The placeholder that comes first. What was put in is not looked at again.
    size_t first = std::string_view::npos;
    size_t kind = 0;
    for (size_t i = 0; i < kinds.size(); ++i) {
      const size_t at = text.find(kinds[i].placeholder);
      if (at < first) {
        first = at;
        kind = i;
      }
    }
    if (first == std::string_view::npos) break;
    while (media[next[kind]].kind != kinds[kind].kind) ++next[kind];
    out.append(text.substr(0, first)).append(media[next[kind]].replacement);
    ++next[kind];
    text.remove_prefix(first + kinds[kind].placeholder.size());
  }
  return out.append(text);
}

Result<std::vector<engine::SoftBlock>> place_blocks(std::span<const int32_t> ids,
                                                    std::span<const MediaTokens> kinds,
                                                    std::span<const EncodedMedia> media) {
  std::vector<engine::SoftBlock> placed;
  for (const MediaTokens& tokens : kinds) {
    const engine::Medium medium =
        tokens.kind == MediaKind::kAudio ? engine::Medium::kAudio : engine::Medium::kImage;
    auto at = ids.begin();
    for (const auto& block : blocks_of(tokens.kind, media)) {
      at = std::find(at, ids.end(), tokens.id);
      const auto end = at + std::min<ptrdiff_t>(block->count, ids.end() - at);
      if (end - at < block->count || std::count(at, end, tokens.id) != block->count) {
        return internal_error("prompt",
                              fmt::format("fewer {} than soft tokens", tokens.placeholder));
      }
      placed.push_back({at - ids.begin(), medium, block});
      at = end;
    }
    if (std::find(at, ids.end(), tokens.id) != ids.end()) {
      return internal_error("prompt", fmt::format("more {} than soft tokens", tokens.placeholder));
    }
  }
  std::sort(
      placed.begin(), placed.end(),
      [](const engine::SoftBlock& a, const engine::SoftBlock& b) { return a.begin < b.begin; });
  return placed;
}

}  // namespace lapidary::encoders
