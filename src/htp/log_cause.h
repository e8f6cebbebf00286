// Why the HTP's compiler refused a graph, out of what it and ONNX Runtime logged. The error that
// ONNX Runtime returns says only that a node would have fallen back to the CPU.
#pragma once

#include <string>
#include <string_view>

namespace lapidary::htp {

// One line, the most telling reason first; "" when the log holds none.
std::string log_cause(std::string_view log);

}  // namespace lapidary::htp
