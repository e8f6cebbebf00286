// What a package makes of text, images and sound: a section each, with the components that do it,
// where these run, and what was measured. Part of `lapidary inspect`.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "package/package.h"

namespace lapidary::report {

// Errors: those of reading the claims reports.
Result<std::string> modalities_text(const package::Package& package);
// {"text": {"components": [...]}, "images": {...}, "sound": {...}}; sections that the package lacks
// are left out. A component: {"name": "vision_encoder",
//   "soft_tokens": 70                              of an encoder of fixed length
//   "contexts": {"device": {"binaries": 1, "bytes": 812, "arch": "v81"}, "emulated": {...}},
//   "claims": {"nodes": 210, "htp": 190, "folded": 15, "merged": 5, "cpu": 0,
//              "percent_on_htp": 100}}
// "contexts" and "claims" are those of what was compiled.
Result<Json> modalities_json(const package::Package& package);

}  // namespace lapidary::report
