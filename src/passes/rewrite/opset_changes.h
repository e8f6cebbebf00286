// What became of ONNX's standard operators from opset to opset: one row for each version of an
// operator since opset 14, up to kNewestKnownOpset. An operator without a row is still the one of
// opset 13, or of the opset that brought it.
//
//   const std::vector<OpsetChange> changes = opset_changes("DFT", 17, 21);
//   const Raise how = changes[0].how;  // kAxisToInput, since 20
//
// tools/check_operator_tables.py compares the rows with the schemas of the onnx package: none is
// missing, and where a row says kSame, the later form takes everything that the earlier one took.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lapidary::passes {

inline constexpr int64_t kOldestKnownOpset = 13;
inline constexpr int64_t kNewestKnownOpset = 21;

// How a node of an earlier version becomes one of this version.
enum class Raise {
  kSame,                // as it is: types and optional parts were added
  kAxesToInput,         // the attribute `axes` becomes input 1
  kAxisToInput,         // the attribute `axis`, 1 by default, becomes input 2, -2 by default
  kNumOutputs,          // without sizes, their number must be said
  kModeNames,           // bilinear and bicubic are called linear and cubic
  kOutputHalfPixel,     // what was the only coordinate transformation is not the default now
  kScaleHasInputsType,  // the scale has the input's type: an int32 input has no equal
  kOneOutput,           // only the form with one output is still there
  kNone,                // has no equal
};

struct OpsetChange {
  std::string_view op_type;
  int64_t since;
  Raise how;
};

// The rows of an operator with from < since <= to, oldest first.
std::vector<OpsetChange> opset_changes(std::string_view op_type, int64_t from, int64_t to);
// All rows, by name and version.
std::span<const OpsetChange> opset_changes();

}  // namespace lapidary::passes
