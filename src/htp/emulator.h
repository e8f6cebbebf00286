// ONNX models compiled by the vendor's compiler and run on its emulation of the HTP, in processes
// of their own: a crash, a hang or too much memory is an Error that names the model.
//
//   LAP_ASSIGN_OR_RETURN(const htp::Emulator emulator, htp::Emulator::create(qnn, chip, {}));
//   LAP_ASSIGN_OR_RETURN(const htp::EmulatorRun run,
//                        emulator.run({.model = "part0.onnx", .inputs = tensors}, folder));
//   use(run.outputs, run.compile_seconds, run.graph_dumps);
//
// Every node must be taken by the HTP: nothing falls back to the CPU.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "htp/child.h"
#include "htp/libraries.h"
#include "htp/provider_options.h"
#include "ort/session.h"

namespace lapidary::htp {

struct EmulatorSettings {
  std::map<std::string, std::string> provider_options = {};  // checked by create()
  ChildLimits limits = {};                                   // time: of one model
  // Whose main() knows the worker (worker.h); "": the program that runs.
  std::filesystem::path program = {};
  const CancelToken* cancel = nullptr;
};

struct EmulatorJob {
  std::filesystem::path model;          // an ONNX file, all shapes fixed
  std::vector<ort::HostTensor> inputs;  // as the model declares them, float or quantized
  bool run = true;                      // false: compile only
  bool dump = false;                    // ask the compiler what it made of the graph (claims.h)
};

struct EmulatorRun {
  std::vector<ort::HostTensor> outputs;  // in the model's order
  double compile_seconds = 0;
  double run_seconds = 0;
  int64_t peak_bytes = 0;  // of the process so far: run one job alone to have it for the model
  std::vector<std::filesystem::path> graph_dumps;  // JSON, one a partition; in the folder
};

class Emulator {
 public:
  // Errors: those of provider_options().
  static Result<Emulator> create(const Libraries& libraries, const target::Target& chip,
                                 EmulatorSettings settings);

  // Compiles and runs one model. `folder` is made; logs and dumps stay there.
  // Errors: kUnsupported, with the compiler's own reason, for a model that the HTP does not take;
  // kInternal naming model, stage and signal or limit when the process ended; kIo; kCancelled.
  Result<EmulatorRun> run(const EmulatorJob& job, const std::filesystem::path& folder) const;
  // Many small models, one process as long as none crashes it. The outer error: nothing can run.
  Result<std::vector<Result<EmulatorRun>>> run_all(std::span<const EmulatorJob> jobs,
                                                   const std::filesystem::path& folder) const;

  const std::filesystem::path& provider() const { return provider_; }
  const ProviderOptions& options() const { return options_; }

 private:
  Emulator(std::filesystem::path provider, ProviderOptions options, EmulatorSettings settings)
      : provider_(std::move(provider)),
        options_(std::move(options)),
        settings_(std::move(settings)) {}

  std::filesystem::path provider_;
  ProviderOptions options_;
  EmulatorSettings settings_;
};

}  // namespace lapidary::htp
