// EPContextBinaryGenerator in a recipe: which components become context binaries for the HTP, and
// how. It is no pass over graphs: it runs when they are saved (recipe/compile_component.h), so it
// stands after all of them; only ComposeOnnxModels may follow.
//
//   "contexts": {
//     "type": "EPContextBinaryGenerator", "components": ["decoder"],
//     "provider_options": {"htp_graph_finalization_optimization_mode": "3"},
//     "weight_sharing": true,        prefill and decode in one binary: what a device loads
//     "emulation": true,             each graph alone as well: what the emulator can load
//     "embed_context": false         binaries beside the ONNX files, or inside them
//   }
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace lapidary::recipe {

struct CompileStep {
  std::string name;                     // the key in "passes"
  std::vector<std::string> components;  // that are compiled
  std::map<std::string, std::string> provider_options;
  bool weight_sharing = true;
  bool emulation = true;
  bool embed_context = false;

  Json to_json() const;
};

inline constexpr const char* kCompileType = "EPContextBinaryGenerator";
inline constexpr const char* kComposeType = "ComposeOnnxModels";

// Reads the options; errors are recorded in the reader's document.
CompileStep read_compile_step(JsonReader& reader);

}  // namespace lapidary::recipe
