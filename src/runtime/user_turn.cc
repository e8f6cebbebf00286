#include "runtime/user_turn.h"

#include <fmt/core.h>

#include <algorithm>

#include "encoders/placeholders.h"
#include "runtime/model.h"
#include "text/chat_template.h"

namespace lapidary::runtime {
namespace {

Json part(encoders::MediaKind kind) {
  switch (kind) {
    case encoders::MediaKind::kAudio:
      return text::audio_part();
    case encoders::MediaKind::kVideo:
      return text::video_part();
    case encoders::MediaKind::kImage:
      break;
  }
  return text::image_part();
}

// Whether the text says itself where the items of this kind go.
Result<bool> placed_by_text(const UserTurn& turn, const encoders::MediaTokens& tokens) {
  const int64_t places = encoders::count_placeholders(turn.text, tokens.placeholder);
  const int64_t items =
      std::count_if(turn.media.begin(), turn.media.end(),
                    [&](const encoders::MediaItem& item) { return item.kind == tokens.kind; });
  if (places == 0 || places == items) return places > 0;
  return encoders::placeholder_mismatch(tokens, places, items);
}

}  // namespace

Result<Json> turn_content(const UserTurn& turn, const Model& model) {
  LAP_RETURN_IF_ERROR(model.check_text(turn.text));
  Json parts = Json::array();
  for (const encoders::MediaItem& item : turn.media) {
    const encoders::MediaTokens* tokens = model.media(item.kind);
    if (tokens == nullptr) {
      return unsupported(item.path.string(),
                         fmt::format("the package has no encoder for {} files", name(item.kind)));
    }
    LAP_ASSIGN_OR_RETURN(const bool placed, placed_by_text(turn, *tokens));
    if (!placed) parts.push_back(part(item.kind));
  }
  for (const encoders::MediaKind kind :
       {encoders::MediaKind::kImage, encoders::MediaKind::kAudio, encoders::MediaKind::kVideo}) {
    if (const encoders::MediaTokens* tokens = model.media(kind)) {
      LAP_RETURN_IF_ERROR(placed_by_text(turn, *tokens));
    }
  }
  if (parts.empty()) return Json(turn.text);
  if (!turn.text.empty()) parts.push_back(text::text_part(turn.text));
  return parts;
}

}  // namespace lapidary::runtime
