// What a manifest says of graphs and files, from JSON. Errors go to the reader's document, with the
// key; an unknown key is one.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "package/manifest.h"

namespace lapidary::package {

inline constexpr const char* kRebuild = "build the package again";  // the remedy of all of them

GraphRecord read_graph_record(JsonReader& reader);
// The list `key` of `parent`.
std::vector<ContextModel> read_contexts(JsonReader& parent, const std::string& key);
FileRecord read_file_record(JsonReader& reader);

}  // namespace lapidary::package
