// What the QNN stack's compiler needs and makes, as linear functions of the weights it is given and
// of the values between them: measured, and beside the records of record.h for the same reason, so
// that a new version of the stack has numbers of its own.
//
//   const std::vector<CompileLoad> graphs = {{.weight_bytes = 268'000'000, .nodes = 900},
//                                            {.weight_bytes = 834'000'000, .nodes = 1100}};
//   const int64_t most = compile_costs().peak_bytes(graphs);
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace lapidary::target {

// One ONNX graph of a compile: the bytes of its constants; its nodes, Quantize and Dequantize among
// them; the elements of all values that a Quantize makes, added up.
struct CompileLoad {
  int64_t weight_bytes = 0;
  int64_t nodes = 0;
  int64_t quantized_elements = 0;
};

struct CompileCosts {
  std::string measured;  // on what, and how far off the formulas were there

  // A context binary.
  double binary_bytes_per_weight_byte = 0;
  double binary_bytes_per_node = 0;

  // Most resident memory of the compiler's process: of its libraries, and for the weights and
  // values of a graph. Graphs that share a binary are compiled one after the other; what each one
  // leaves stays, and the last one takes more when the binary is written.
  double base_bytes = 0;
  double bytes_per_weight_byte = 0;
  double bytes_per_quantized_element = 0;  // what counts in encoders: an attention's scores
  double kept_bytes_per_weight_byte = 0;
  double sharing_bytes_per_weight_byte = 0;

  // `graphs` share a binary, `weight_bytes` being those of the weights that it holds.
  int64_t binary_bytes(int64_t weight_bytes, std::span<const CompileLoad> graphs) const;
  // `graphs` in the order in which they are compiled into one binary.
  int64_t peak_bytes(std::span<const CompileLoad> graphs) const;
};

// Of onnxruntime-qnn 2.7.0 on x86.
const CompileCosts& compile_costs();

}  // namespace lapidary::target
