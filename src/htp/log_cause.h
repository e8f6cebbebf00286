// Why the HTP's compiler refused a graph, out of what it and ONNX Runtime logged. The error that
// ONNX Runtime returns says only that a node would have fallen back to the CPU.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lapidary::htp {

// An ONNX node that the HTP did not take. With the Quantize and DequantizeLinear nodes around it
// the provider looks at it as one unit; the unit is named after it alone.
struct Refusal {
  std::string node;
  std::string op;
  std::string reason;
  bool operator==(const Refusal&) const = default;
};

// All of them, each node once, in the log's order.
std::vector<Refusal> refusals(std::string_view log);

// One line, the most telling reason first; "" when the log holds none.
std::string log_cause(std::string_view log);

}  // namespace lapidary::htp
