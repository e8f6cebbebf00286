// Inside BlockQuantToLpbq: products whose constant weight is dequantized in blocks.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "passes/rewrite/node_rewriter.h"
#include "quant/affine.h"
#include "target/quantization_traits.h"
#include "weights/lpbq.h"

namespace lapidary::passes {

// An affine encoding as the graph holds it: names of the scale and zero point, and what they are.
struct ValueEncoding {
  std::string scale, zero_point;
  quant::Affine affine;
  DType type = DType::kUint8;
};

struct BlockProduct {
  weights::BlockSource weight;
  std::string name;  // of the codes
  ValueEncoding x, y;
  std::vector<float> bias = {};  // [N]; empty: none
};

// Why a product with a weight in blocks is not converted.
struct NotConverted {
  std::string reason;
  bool refused = false;  // LPBQ cannot express it; else it is merely left
};

// Who reads each value, and how its readers encode it.
class Readers {
 public:
  explicit Readers(const graph::Graph& graph);
  // The encoding that all readers quantize the value with; nothing when one reads it as it is.
  // Errors: of a scale or zero point that cannot be read, with its name.
  Result<std::optional<ValueEncoding>> encoding_of(const graph::Graph& graph,
                                                   const std::string& value) const;

 private:
  std::map<std::string, std::vector<graph::Node>> quantizers_;
  std::map<std::string, size_t> counts_;  // of all readers, a graph output among them
};

// The product that a MatMul, Gemm or Conv is; nothing when its weight is not dequantized in blocks.
// The nodes before it were added to `out`. Blocks are those that the target takes as LPBQ. Errors: of
// a constant that cannot be read, with its name.
Result<std::optional<std::variant<BlockProduct, NotConverted>>> block_product(
    const graph::Node& node, const NodeRewriter& out, const Readers& readers,
    const target::QuantizationTraits& traits);

}  // namespace lapidary::passes
