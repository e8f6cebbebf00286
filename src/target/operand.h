// How one operand of a node is encoded, seen through the DequantizeLinear before it.
//
// A graph in QDQ form says "uint16 activation times int8 weight per channel" with two
// DequantizeLinear nodes and a MatMul of floats; the HTP sees what this struct holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/dtype.h"

namespace lapidary::target {

enum class Scheme {
  kPlain,           // not dequantized: `storage` is the value's own dtype
  kTensor,          // one scale
  kChannel,         // a scale for each index of one axis
  kBlock,           // a float scale for each block
  kBlockExpansion,  // LPBQ: an integer scale for each block, a float one for each channel
};
std::string name_of(Scheme scheme);  // "per channel"

struct Operand {
  DType storage = DType::kUndefined;  // undefined: not known
  Scheme scheme = Scheme::kPlain;
  bool constant = false;            // codes or plain values that nothing at run time changes
  std::optional<bool> zero_points;  // whether one is other than 0; nullopt: not known
  int64_t block_size = 0;           // 0: none
};

}  // namespace lapidary::target
