// The keys of a recipe around its passes: the input model, Olive's engine, systems and target. What
// has no meaning here is accepted and noted, what would change the result is refused by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace lapidary::recipe {

struct WorkflowKeys {
  std::optional<std::string> model_path;
  std::optional<std::string> output_dir;
  bool for_htp = false;            // a system asks for QNNExecutionProvider
  std::vector<std::string> notes;  // keys that were read past
};

// Errors are recorded in the reader's document.
WorkflowKeys read_workflow_keys(JsonReader& root);

// A key of Olive's that changes nothing about a package built here: noted when it says something.
void pass_over(JsonReader& parent, const char* key, std::vector<std::string>& notes);

}  // namespace lapidary::recipe
