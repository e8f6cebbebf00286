// What a target accepts, as data: one table of rules per version of the QNN stack, each rule with
// the archs it holds for, and limits and traits (the forms that passes choose) beside them.
//
//   LAP_ASSIGN_OR_RETURN(const Record record, record_of(Arch::kV81));
//   for (const Rule* rule : record.rules) print(describe(*rule));
//
// Everything here was measured with the HTP emulated on x86 and nothing on a device. A probe that
// measures a rule again carries the rule's id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "target/operand.h"
#include "target/quantization_traits.h"
#include "target/range.h"
#include "target/soc.h"

namespace lapidary::target {

struct Stack {
  std::string onnxruntime;
  std::string onnxruntime_qnn;
  std::string qnn;
};

enum class Verdict {
  kNative,      // runs on the HTP as written; float32 is computed as float16
  kLowered,     // runs there in another form: decomposed, or in less precision than written
  kRefused,     // the stack does not take it
  kWrong,       // the stack takes it and computes other numbers, without a word
  kUnmeasured,  // no rule speaks of it, or what a rule asks is not known; never in a rule
};
std::string name_of(Verdict verdict);  // "native", "wrong numbers", ...

// Operands are counted as a node's inputs; kOutput is what a node yields, kAnyInput one of its
// inputs, whichever.
inline constexpr int kOutput = -1;
inline constexpr int kAnyInput = -2;

// --- The kinds of condition. All of a rule's conditions must hold. ---

// How the operand is encoded (operand.h). An empty list allows anything.
struct OperandIs {
  int operand = 0;
  std::vector<DType> storage = {};
  std::vector<Scheme> schemes = {};
  std::optional<bool> constant = std::nullopt;
  std::optional<bool> zero_points = std::nullopt;  // some zero point other than 0
  std::optional<Range> block_size = std::nullopt;
};
struct RankIn {
  int operand = 0;
  Range range = {};
};
struct DimIn {
  int operand = 0;
  int axis = -1;  // negative: from the end
  Range range = {};
};
// A dim of the operand is no multiple of `by`; without an axis: its block size.
struct NotMultipleOf {
  int operand = 0;
  std::optional<int> axis = std::nullopt;
  int64_t by = 1;
};
// How many values the operand has.
struct ElementsIn {
  int operand = 0;
  Range range = {};
};
// A number among the node's attributes; `fallback` is the operator's default.
struct AttributeIn {
  std::string name;
  double fallback = 0;
  Range range = {};
};
struct InputGiven {
  int input = 0;
  bool given = true;
};
// Some element of a constant float operand lies in the range.
struct ValueIn {
  int operand = 0;
  Range range = {};
};
// Nothing but its DequantizeLinear stands between the operand and a graph input; kOutput: nothing
// but its QuantizeLinear between it and a graph output.
struct QuantizedPort {
  int operand = 0;
};
// One of `ops` computes the operand, seen through QuantizeLinear and DequantizeLinear, dims of 1 in
// front that come or go (Reshape, Squeeze, Unsqueeze) and the operators in `through`. A constant
// vector that is added to a product is part of the product.
struct MadeBy {
  int operand = 0;
  std::vector<std::string> ops = {};
  std::vector<std::string> through = {};
  bool constant_weight = false;  // its input 1 is a constant
  bool equal_dims = false;       // its inputs have the same dims
  // No other node reads it, nor what lies between; but a Mul by the rule's own node, for that is
  // Swish written out.
  bool only_reader = false;
};
// The dims in front of the operand's last two, multiplied.
struct BatchIn {
  int operand = 0;
  Range range = {};
};
// A Clip's result is quantized to `code`, whose codes tell values beyond the Clip's limits, by more
// than this part of their range.
struct CodesPastLimits {
  DType code = DType::kUint16;
  double by = 1e-3;
};
// The codes of a QuantizeLinear tell values beyond those that its input is dequantized from.
struct CodesPastInput {
  double by = 1e-3;
};
// A graph input or output has a dim that is a symbol.
struct HasSymbolicDim {};

using Condition = std::variant<OperandIs, RankIn, DimIn, NotMultipleOf, ElementsIn, AttributeIn,
                               InputGiven, ValueIn, QuantizedPort, MadeBy, BatchIn, CodesPastLimits,
                               CodesPastInput, HasSymbolicDim>;
std::string describe(const Condition& condition);

// The pseudo operator of rules about a graph's own inputs and outputs.
inline constexpr const char* kGraphPort = "(graph input or output)";

struct Rule {
  std::string id;
  std::vector<std::string> ops;  // as Node::qualified_op() has them
  std::vector<Condition> when = {};
  Verdict verdict = Verdict::kNative;
  std::string reason;            // what happens
  std::string remedy = {};       // what to write instead; may be empty when native
  std::string measured;          // the figure that was seen
  std::vector<Arch> seen_on;     // where; on the other archs of the rule it is assumed
  std::vector<Arch> holds = {};  // the archs it is for; empty: all
};
// "input 0 uint16 per tensor; input 1 constant int8 per channel".
std::string describe(const Rule& rule);

struct Limits {
  int64_t most_weight_bytes_measured = 0;  // int8 weights in one context; no limit was met up to it
  double lowest_float16_mask = 0;          // additive masks below it give wrong numbers in float16
  double largest_float16_divisor = 0;      // dividing by more gives 0
};

// A preferred form as a person reads it, made of the traits where a pass chooses by them.
struct Preference {
  std::string id;
  std::string where;   // "attention products"
  std::string prefer;  // the form to emit
  std::string instead_of;
  std::string why;  // with the figure
};

struct Record {
  Arch arch = Arch::kV81;
  Stack stack;
  std::vector<const Rule*> rules;  // those that hold for the arch, in the table's order
  Limits limits;
  QuantizationTraits traits;
  std::vector<Preference> preferences;
};

// Not before main: the tables are globals.
// Errors: kUnsupported when nothing was measured on that arch, or with that version of
// onnxruntime-qnn.
Result<Record> record_of(Arch arch, const std::string& onnxruntime_qnn = "2.7.0");

// Whose forms a graph takes that is for no chip in particular: a static package for the CPU, or
// `lapidary convert` without --arch. Its integers are to be those of the HTP, which is what the CPU
// stands in for; v81 is the newest arch, and the one whose every rule was measured on it.
inline constexpr Arch kReferenceArch = Arch::kV81;

// Those of the chip's record; without a chip, of kReferenceArch's. Errors: those of record_of.
Result<QuantizationTraits> traits_of(const std::optional<Target>& chip);

bool was_seen_on(const Rule& rule, Arch arch);

}  // namespace lapidary::target
