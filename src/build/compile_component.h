// EPContextBinaryGenerator at work: the saved graphs of a component become context binaries for one
// chip, and the claims report says what became of every node.
//
// Of N parts with prefill and decode graphs, in DIR = staging/decoder:
//   DIR/htp/part.N.bin, prefill.N.onnx, decode.N.onnx    weights shared: what a device loads
//   DIR/emulated/prefill.N.bin + .onnx, decode.N...      one binary a graph: what is verified
//   DIR/claims.json
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "htp/libraries.h"
#include "package/manifest.h"
#include "recipe/compile_step.h"
#include "recipe/recipe.h"
#include "target/soc.h"

namespace lapidary::build {

// How things are compiled for the HTP; nothing of it matters to recipes that compile nothing.
struct HtpOptions {
  std::optional<target::Target> chip = {};  // none: the recipe's provider option soc_model
  std::string qnn_libs = {};                // htp::find_libraries
  std::vector<std::string> allow_cpu = {};  // globs of nodes that may run on the CPU
  int64_t memory_bytes = 0;                 // most memory of the compiler; 0: no limit
  double seconds = 3600;                    // most time of one compile
  bool probe = true;  // each distinct node alone first: some shapes compute wrong numbers
  // Finished binaries and probe results by content; "": none are kept.
  std::filesystem::path cache = {};
};

// One run of the compiler.
struct CompiledPart {
  std::string name;  // "decoder part 0 (prefill, decode)"
  double seconds = 0;
  int64_t peak_bytes = 0;  // of the compiler's process
  uint64_t bytes = 0;      // of the binary
  bool cached = false;
  size_t nodes = 0;      // ONNX nodes
  size_t cpu_nodes = 0;  // of these, on the CPU: allowed by name
};

struct CompiledComponent {
  std::vector<package::ContextModel> device, emulated;
  std::vector<CompiledPart> parts;
  std::vector<std::string> files;  // relative to the staging folder
};

// The chip to compile for: `options.chip`, else what the step's soc_model names. kBadInput when
// both are missing or contradict each other.
Result<target::Target> chip_of(const recipe::CompileStep& step, const HtpOptions& options);

// The chip that a recipe compiles for; nothing when it compiles nothing. kBadInput when the recipe
// wants a chip and none is named, or the other way round.
Result<std::optional<target::Target>> chip_of(const recipe::Recipe& recipe,
                                              const HtpOptions& options);

// Everything about the compiler that can be wrong before there are graphs: its libraries, the
// provider options.
Status check_compiler(const recipe::CompileStep& step, const target::Target& chip,
                      const HtpOptions& options);

// What the manifest says of the chip and the installed stack, contexts not yet among it.
Result<package::HtpModel> htp_model(const target::Target& chip, const HtpOptions& options);

// `records`: the component's graphs, saved in `staging`. Errors: those of htp::Compiler and of
// probe::probe_nodes; nodes that compute wrong numbers, by name.
Result<CompiledComponent> compile_component(const recipe::CompileStep& step,
                                            const std::vector<const package::GraphRecord*>& records,
                                            const target::Target& chip, const HtpOptions& options,
                                            const std::filesystem::path& staging, const Work& work);

}  // namespace lapidary::build
