// What to say of nodes that would run on the CPU: which, why, and what to do about it.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "htp/compile_run.h"
#include "htp/context_model.h"
#include "target/soc.h"

namespace lapidary::htp {

// The model in question, and the chip it is for.
struct Subject {
  const std::filesystem::path& file;
  const graph::Graph& model;
  const target::Target& chip;
};

// `allowed`: globs of node names; a Quantize- or DequantizeLinear may also serve an allowed node.
// Errors: kUnsupported naming the nodes that are not allowed, with the reason out of `refused` and
// the remedy of the target's rules where they have one.
Status check_cpu_nodes(std::span<const CpuNode> on_cpu, std::span<const std::string> allowed,
                       std::span<const Refusal> refused, const Subject& subject);

// The same for a model that was refused as a whole. When the log names no node, the model is
// compiled once more in `folder`, with the CPU to fall back to, to learn which nodes stay there.
Error explain(const NotTaken& not_taken, const CompilerRun& run,
              const std::filesystem::path& folder, const target::Target& chip);

}  // namespace lapidary::htp
