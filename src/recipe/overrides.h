// Options of a recipe's passes, changed from outside: --set PASS.OPTION=VALUE.
//
//   LAP_RETURN_IF_ERROR(apply_override(json, "static.context_length=512"));
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace lapidary::recipe {

// VALUE is JSON, or a text as it stands. The option goes where the pass keeps its options. Errors:
// kBadInput for another form and for a pass that the recipe does not have (the message lists those
// it has); whether the option exists is for the recipe's parser to say.
Status apply_override(Json& recipe, const std::string& text);

}  // namespace lapidary::recipe
