// EPContextBinaryGenerator in a recipe: which components become context binaries for the HTP, and
// how. It is no pass over graphs: it runs when they are saved (build/compile_component.h), so it
// stands after all of them; only ComposeOnnxModels may follow.
//
//   "contexts": {
//     "type": "EPContextBinaryGenerator", "components": ["decoder"],
//     "provider_options": {"htp_graph_finalization_optimization_mode": "3"},
//     "weight_sharing": true,        prefill and decode in one binary: what a device loads
//     "emulation": true,             each graph alone as well: what the emulator can load
//     "embed_context": false,        binaries beside the ONNX files, or inside them
//     "convert_bq_to_lpbq": false    BlockQuantToLpbq on these components first
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "contract/role.h"

namespace lapidary::recipe {

struct CompileStep {
  std::string name;                     // the key in "passes"
  std::vector<std::string> components;  // that are compiled
  std::map<std::string, std::string> provider_options;
  bool weight_sharing = true;
  bool emulation = true;
  bool embed_context = false;

  Json to_json() const;
  bool compiles(const std::string& component) const;
  // Whether the graphs of a part, so many of them, go into one binary.
  bool shares(size_t graphs) const { return weight_sharing && graphs > 1; }
};

// What a run of the compiler is called, in progress, plan and report: "decoder part 0 (prefill,
// decode)".
std::string context_name(const std::string& component, int64_t part,
                         const std::vector<contract::Role>& roles);

// Reads the options; errors are recorded in the reader's document.
CompileStep read_compile_step(JsonReader& reader);

}  // namespace lapidary::recipe
