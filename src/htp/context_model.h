// The ONNX model that the provider leaves of a compiled graph: a node EPContext for each partition
// that the HTP took, and the nodes it did not take.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace lapidary::htp {

// Whether `op` is QuantizeLinear or DequantizeLinear.
bool changes_encoding(const std::string& op);

// A node that runs on the CPU.
struct CpuNode {
  std::string name;    // in the model that was compiled, where it can be told
  std::string op;      // "Erf"
  std::string serves;  // of a Quantize- or DequantizeLinear: the node on the CPU that it is next to
};

// All nodes of `context` but EPContext. Copies that ONNX Runtime made of a node ("x/duplicated") go
// by the name of the node, which is listed once.
std::vector<CpuNode> cpu_nodes(const graph::Graph& context, const graph::Graph& compiled);

// Where the binary of the model lies, relative to it; "" when it is inside.
// Errors: kInternal when no node holds or names one.
Result<std::string> binary_of(const graph::Graph& context, const std::string& where);
// The bytes of a binary inside. Errors: kInternal when there is none.
Result<std::span<const std::byte>> embedded_binary(const graph::Graph& context,
                                                   const std::string& where);

// Writes the model to `to` with `binary` for the place of its binary (a relative path; "" leaves
// one that is inside) and without opsets that no node needs. Returns the files written.
Result<std::vector<std::filesystem::path>> save_context(graph::Graph context,
                                                        const std::string& binary,
                                                        const std::filesystem::path& to);

}  // namespace lapidary::htp
