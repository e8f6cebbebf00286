// What a build found out about a component's numbers, as JSON: in the manifest, and in the journal of
// a build that is not done yet.
#pragma once

#include "base/json.h"
#include "package/manifest.h"

namespace lapidary::package {

Json to_json(const Calibration& calibration);
Json to_json(const Agreement& agreement);
// Errors go to the reader's document, with the key; an unknown key is one.
Calibration read_calibration(JsonReader& reader);
Agreement read_agreement(JsonReader& reader);

}  // namespace lapidary::package
