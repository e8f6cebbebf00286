// Passes on an ONNX file of any writer: what `lapidary convert` does.
//
//   LAP_ASSIGN_OR_RETURN(auto steps,
//                        bind_steps({"BlockQuantToLpbq"}, {"nodes_to_exclude=[\"a*\"]"}));
//   LAP_ASSIGN_OR_RETURN(Conversion done, convert_file("in.onnx", "out.onnx", steps, {}));
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/work.h"
#include "passes/pass.h"
#include "target/soc.h"

namespace lapidary::build {

// One pass a type, in order. Settings: "OPTION=VALUE" where there is one pass, else
// "TYPE.OPTION=VALUE"; VALUE is JSON, or a text as it stands. Errors: kUnsupported for an unknown
// type, listing those there are; kBadInput for a setting of another form, of a type that is not
// among them, or with an option or value that the pass does not have.
Result<std::vector<passes::BoundPass>> bind_steps(const std::vector<std::string>& types,
                                                  const std::vector<std::string>& settings);

struct ConvertOptions {
  bool force = false;  // replace what is there
  // Whose forms the passes choose; none: those of target::kReferenceArch (target/record.h).
  std::optional<target::Target> chip = std::nullopt;
  Work work = {};
};

struct StepReport {
  std::string type;
  Json options;
  int64_t rewritten = 0;  // nodes
  std::vector<passes::Declined> declined;
};

struct Conversion {
  std::vector<StepReport> steps;
  std::vector<std::string> bodies;  // nodes like If and Loop: passes do not look into their bodies
  std::vector<std::filesystem::path> files;  // the model, then its data if there are any
  int64_t nodes = 0;
  uint64_t bytes = 0;
};

// Writes `output` and, for weights of more than 1 KB, "OUTPUT.data", by way of the folder
// "OUTPUT.partial": both appear when all is well, or not at all. With `force` there is at every
// moment the old model or the new one, each with its own data (conversion_output.h).
// Errors: those of graph::load_model, of the passes and of graph::save; kBadInput for an output
// that exists, or that is the input or its data (also with `force`); kUnsupported for a pass that
// makes several graphs, or that has nothing to calibrate with; a chip without a record.
Result<Conversion> convert_file(const std::filesystem::path& input,
                                const std::filesystem::path& output,
                                const std::vector<passes::BoundPass>& steps,
                                const ConvertOptions& options);

}  // namespace lapidary::build
