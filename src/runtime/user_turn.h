// One turn of a user: text and the files that go with it.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "encoders/media_encoder.h"

namespace lapidary::runtime {

class Model;

struct UserTurn {
  std::string text;
  std::vector<encoders::MediaItem> media = {};
};

// The turn's "content" for a chat template: the media parts in the order given, then the text. When
// the text itself holds placeholders of a kind (the model's "<|image|>"), these are the places, one
// for each item of that kind, and no parts are added for it. Error: kBadInput when text and items
// of a kind do not agree in number, and for a token that the model has no embedding for;
// kUnsupported for a kind that the package has no encoder for.
Result<Json> turn_content(const UserTurn& turn, const Model& model);

}  // namespace lapidary::runtime
