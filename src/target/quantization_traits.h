// Which forms of a quantized graph a target computes as written: what a pass asks before it chooses
// one. Plain values, so that a new arch is a row of data (htp_traits.cc), another vendor a file of
// them, and no pass changes.
//
//   LAP_ASSIGN_OR_RETURN(const QuantizationTraits traits, traits_of(chip));    // record.h
//   const bool is_signed = traits.takes_signed("MatMul", 1);  // true: keys and values are int16
//
// A default-constructed one is of a target that computes every form of ONNX as written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lapidary::target {

// An input that an operator wants as signed integers with zero point 0, be the others unsigned.
struct SignedOperand {
  std::string op;  // as Node::qualified_op() has it
  size_t input = 0;
};

// Of LPBQ (quant/lpbq.h): blocks of `smallest` inputs, or of multiples of `multiple`. What else the
// inner dim must be is a rule of the record, which is asked when the graph is whole.
struct LpbqBlocks {
  int64_t smallest = 1, multiple = 1, largest = 0;
  bool takes(int64_t block_size) const {
    return block_size >= smallest && block_size <= largest &&
           (block_size == smallest || block_size % multiple == 0);
  }
};

// What products take beside signed codes with zero points of 0 and positive scales, by input:
// weights per channel or in blocks.
struct WeightForms {
  bool unsigned_codes = true;
  bool zero_points = true;              // other than 0
  bool transposed_blocks = true;        // a Transpose between them and the product
  bool negative_channel_scales = true;  // blocks' scales may have either sign
};

// Where a field's value comes from.
struct TraitEvidence {
  std::string field;  // "lpbq.smallest"
  std::string id;     // of a rule or preference of the record
};

struct QuantizationTraits {
  std::string target;  // for messages: "the HTP (v81)"

  // Where both sides of a product are activations and the target wants them unsigned, this is
  // empty. The whole group that shares an operand's encoding follows it.
  std::vector<SignedOperand> signed_operands = {};
  // Only activations of that many bits or more: narrower ones are right unsigned.
  int least_signed_bits = 16;
  // Signed activations have zero point 0 wherever they stand, unless an option says otherwise.
  bool signed_at_zero = false;
  // What an operator reads and makes, signed_operands aside, is of one integer type: what differs
  // in sign is converted by DequantizeLinear and QuantizeLinear of one scale.
  bool one_integer_type = false;
  // Integers saturate at the ends of their encoding, and a Clip or Relu is not computed between
  // them: one whose input's encoding ends at its limits is left out. False: it stays a node.
  bool clips_by_encoding = false;

  std::optional<LpbqBlocks> lpbq = std::nullopt;  // none: LPBQ is not taken
  WeightForms weights = {};
  std::optional<int64_t> largest_norm_rank = std::nullopt;  // of RMSNormalization; none: any

  // What an additive mask holds where nothing may be seen: in float graphs, which may be computed
  // in float16, and where activations are integers. Below 0 in every record.
  double float16_mask = 0;
  double quantized_mask = 0;

  std::vector<TraitEvidence> evidence = {};

  bool takes_signed(const std::string& op, size_t input) const {
    for (const SignedOperand& each : signed_operands) {
      if (each.op == op && each.input == input) return true;
    }
    return false;
  }
};

}  // namespace lapidary::target
