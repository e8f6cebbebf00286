// Context binaries: a static, quantized (or float) ONNX graph compiled for one chip by the vendor's
// compiler, in a process of its own.
//
//   LAP_ASSIGN_OR_RETURN(const Compiler compiler, Compiler::create(qnn, chip, settings));
//   CompileJob job{.name = "decoder part 0",
//                  .graphs = {{"prefill.0.onnx", "htp/prefill.0.onnx"},
//                             {"decode.0.onnx", "htp/decode.0.onnx"}},
//                  .binary = "htp/part.0.bin"};
//   LAP_ASSIGN_OR_RETURN(const Compiled out, compiler.compile(job));
//   const NodeClaims& nodes = out.graphs[1].nodes;  // what became of those of decode.0.onnx
//
// One graph: one binary. Several graphs in a job share their weights in one binary (the provider's
// ep.share_ep_contexts), which only a device can load: the emulator crashes on it, so build each
// graph alone as well to have what can be verified.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cache_folder.h"
#include "base/json.h"
#include "base/result.h"
#include "base/work.h"
#include "htp/child.h"
#include "htp/claims.h"
#include "htp/claims_report.h"
#include "htp/compile_cache.h"
#include "htp/libraries.h"
#include "htp/provider_options.h"
#include "target/soc.h"

namespace lapidary::htp {

struct CompilerSettings {
  std::map<std::string, std::string> provider_options = {};  // checked by create()
  // Time without an answer; most resident memory; 0: none.
  ChildLimits limits = {.seconds = 3600};
  int retries = 1;  // after a crash or a time limit, not after a refusal
  // Globs of ONNX node names that may run on the CPU. Any other node there is an error.
  std::vector<std::string> allow_cpu = {};
  // Finished binaries by the hash of what they are made from, in a folder of at most so many bytes
  // (base/cache_folder.h); "": none are kept.
  std::filesystem::path cache = {};
  uint64_t cache_bytes = kDefaultCacheBytes;
  std::filesystem::path program = {};  // whose main() knows the worker (worker.h); "": this one
  // A stage a job, counted in graphs; now and then a note of its seconds and memory.
  Work work = {};
};

struct CompileGraph {
  std::filesystem::path model;   // ONNX, all shapes fixed
  std::filesystem::path output;  // ONNX with an EPContext node; written
};

struct CompileJob {
  std::string name;  // for messages
  std::vector<CompileGraph> graphs;
  std::filesystem::path binary;  // written; beside the outputs or in a folder below them
  bool embed = false;  // the binary inside the output instead (ep_cache_context); one graph only
};

// What became of the nodes of one ONNX graph.
struct CompiledGraph {
  Claims claims;                       // as the compiler was given it
  NodeClaims nodes;                    // the same by ONNX node
  std::vector<std::string> cpu_nodes;  // all of them allowed
};

struct Compiled {
  std::vector<CompiledGraph> graphs;  // as in the job
  std::string arch, soc;              // as the binary says of itself: "v81", "SM8850"
  double seconds = 0;
  int64_t peak_bytes = 0;  // of the compiler's process; of the run that made it, when cached
  uint64_t binary_bytes = 0;
  bool cached = false;
};

class Compiler {
 public:
  // Errors: those of provider_options() and of CacheFolder::open for the cache.
  static Result<Compiler> create(const Libraries& libraries, const target::Target& chip,
                                 CompilerSettings settings);

  // Works in the folder "BINARY.partial" (OUTPUT.partial when embedded), which is gone afterwards;
  // one that a killed run left is replaced. Outputs and binary appear when all is well, or not at
  // all. Equal jobs make equal bytes.
  // A Quantize- or DequantizeLinear beside an allowed node is allowed.
  // Errors: kBadInput for a job without graphs, or whose binary lies outside the outputs' folders;
  // kUnsupported naming each node that would run on the CPU, the reason and the remedy; kInternal
  // naming the job and signal, time or memory limit; a binary for another arch than asked; kIo;
  // kCancelled.
  Result<Compiled> compile(const CompileJob& job) const;

 private:
  Compiler(Libraries libraries, const target::Target& chip, ProviderOptions options,
           CompilerSettings settings);
  Result<std::string> key_of(const CompileJob& job) const;
  Result<Compiled> compile_in(const std::filesystem::path& folder, const CompileJob& job) const;
  Result<bool> make_products(const std::filesystem::path& folder, const CompileJob& job,
                             const std::string& key) const;

  Libraries libraries_;
  target::Target chip_;
  ProviderOptions options_;
  CompilerSettings settings_;
  std::optional<CompileCache> cache_ = {};
  std::string stack_ = {};  // hash of the libraries, when there is a cache
};

}  // namespace lapidary::htp
