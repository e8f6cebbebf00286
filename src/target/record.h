// What a target accepts, as data: one table of rules per version of the QNN stack, each rule with
// the archs it holds for, and limits and preferred forms beside them.
//
//   LAP_ASSIGN_OR_RETURN(const Record record, record_of(Arch::kV81));
//   for (const Rule* rule : record.rules) print(describe(*rule));
//
// Everything here was measured with the HTP emulated on x86 and nothing on a device. A probe that
// measures a rule again carries the rule's id.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "target/operand.h"
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

struct Range {
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
  bool holds(double value) const { return value >= min && value <= max; }
};

// Operands are counted as a node's inputs; kOutput is what a node yields, kAnyInput one of its
// inputs, whichever.
inline constexpr int kOutput = -1;
inline constexpr int kAnyInput = -2;

// --- The kinds of condition. All of a rule's conditions must hold. ---

// How the operand is encoded (operand.h). An empty list allows anything.
struct OperandIs {
  int operand = 0;
  std::vector<tensor::DType> storage = {};
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
// A graph input or output has a dim that is a symbol.
struct HasSymbolicDim {};

using Condition = std::variant<OperandIs, RankIn, DimIn, NotMultipleOf, ElementsIn, AttributeIn,
                               InputGiven, ValueIn, QuantizedPort, HasSymbolicDim>;
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
  // Of LPBQ: this block size, inner dims being multiples of `block_multiple`; or multiples of that.
  int64_t smallest_block = 0, block_multiple = 0;
  double lowest_float16_mask = 0;      // additive masks below it give wrong numbers in float16
  double float16_mask = 0;             // the value to use for "masked" in float16
  double quantized_mask = 0;           // the same where activations are uint16
  double largest_float16_divisor = 0;  // dividing by more gives 0
};

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
  std::span<const Preference> preferences;
};

// Not before main: the tables are globals.
// Errors: kUnsupported when nothing was measured with that version of onnxruntime-qnn.
Result<Record> record_of(Arch arch, const std::string& onnxruntime_qnn = "2.7.0");

bool was_seen_on(const Rule& rule, Arch arch);

}  // namespace lapidary::target
