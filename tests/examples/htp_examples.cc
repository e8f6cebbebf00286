// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include "example.h"
#include "htp/child.h"
#include "htp/claims.h"
#include "htp/claims_report.h"
#include "htp/compile.h"
#include "htp/context_binary.h"
#include "htp/emulator.h"
#include "htp/file_memo.h"
#include "htp/installed_stack.h"
#include "htp/libraries.h"
#include "htp/provider_options.h"
#include "htp/worker.h"

namespace lapidary::htp {

Status child_example(const std::filesystem::path& exe, const std::filesystem::path& folder) {
  // [htp/child.h]
  LAP_ASSIGN_OR_RETURN(const htp::ChildEnd end,
                       htp::run_child({.program = exe,
                                       .arguments = {"htp-worker", folder.string()},
                                       .log = folder / "worker.log"}));
  if (!end.ok()) print(end.describe());  // "died of signal 11 (Segmentation fault)"
  // [end]
  return {};
}

Status claims_example(const EmulatorRun& run) {
  // [htp/claims.h]
  LAP_ASSIGN_OR_RETURN(htp::Claims claims, htp::read_claims(run.graph_dumps));
  for (const auto& [type, count] : claims.op_counts()) print(type, count);
  // [end]
  return {};
}

Json claims_report_example(const target::Target& chip, const graph::Graph& decoder,
                           const Claims& claims, const std::vector<std::string>& cpu_nodes) {
  // [htp/claims_report.h]
  NodeClaims of = claims_by_node(decoder, claims, cpu_nodes);
  const std::vector<ReportedGraph> graphs = {{"decoder", contract::Role::kDecode, 0, of}};
  Json json = claims_report(chip, graphs);  // decoder/claims.json
  // [end]
  return json;
}

Status compile_example(const Libraries& qnn, const target::Target& chip,
                       const CompilerSettings& settings) {
  // [htp/compile.h]
  LAP_ASSIGN_OR_RETURN(const Compiler compiler, Compiler::create(qnn, chip, settings));
  CompileJob job{.name = "decoder part 0",
                 .graphs = {{"prefill.0.onnx", "htp/prefill.0.onnx"},
                            {"decode.0.onnx", "htp/decode.0.onnx"}},
                 .binary = "htp/part.0.bin"};
  LAP_ASSIGN_OR_RETURN(const Compiled out, compiler.compile(job));
  const NodeClaims& nodes = out.graphs[1].nodes;  // what became of those of decode.0.onnx
  // [end]
  use(nodes);
  return {};
}

Status context_binary_example(const std::filesystem::path& dir) {
  // [htp/context_binary.h]
  LAP_ASSIGN_OR_RETURN(const BinaryTarget made_for, read_binary_target(dir / "part.0.bin"));
  print(made_for.arch);  // "v81"
  // [end]
  return {};
}

Status emulator_example(const Libraries& qnn, const target::Target& chip,
                        const std::vector<ort::HostTensor>& tensors,
                        const std::filesystem::path& folder) {
  // [htp/emulator.h]
  LAP_ASSIGN_OR_RETURN(const htp::Emulator emulator, htp::Emulator::create(qnn, chip, {}));
  LAP_ASSIGN_OR_RETURN(const htp::EmulatorRun run,
                       emulator.run({.model = "part0.onnx", .inputs = tensors}, folder));
  use(run.outputs, run.compile_seconds, run.graph_dumps);
  // [end]
  return {};
}

Status file_memo_example(const std::filesystem::path& library,
                         const FileMemo::Compute& hash_of_file) {
  // [htp/file_memo.h]
  static FileMemo hashes;
  LAP_ASSIGN_OR_RETURN(const std::string hash, hashes.get(library, hash_of_file));
  // [end]
  return {};
}

Status installed_stack_example(const Libraries& libraries) {
  // [htp/installed_stack.h]
  LAP_ASSIGN_OR_RETURN(const htp::InstalledStack stack, htp::installed_stack(libraries));
  print(stack.versions.qnn);   // "2.51.0"
  print(stack.is_recorded());  // false: nothing was measured with these libraries
  // [end]
  return {};
}

struct FlagsOfExample {
  std::string qnn_libs;
};

Status libraries_example(const FlagsOfExample& flags) {
  // [htp/libraries.h]
  LAP_ASSIGN_OR_RETURN(const htp::Libraries qnn, htp::find_libraries(flags.qnn_libs));
  print(qnn.provider());  // .../libonnxruntime_providers_qnn.so
  // [end]
  return {};
}

Status provider_options_example(const Libraries& qnn, const target::Target& chip) {
  // [htp/provider_options.h]
  LAP_ASSIGN_OR_RETURN(const htp::ProviderOptions options,
                       htp::provider_options(qnn, chip, {{"vtcm_mb", "8"}}));
  // [end]
  return {};
}

int worker_example(int argc, const char* const* argv) {
  // [htp/worker.h]
  if (htp::is_worker(argc, argv)) return htp::run_worker(argc, argv);
  // [end]
  return 0;
}

}  // namespace lapidary::htp
