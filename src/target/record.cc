#include "target/record.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "target/tables.h"

namespace lapidary::target {
namespace {

// "16384", "-0.5": numbers of conditions are small or round.
std::string number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    return std::to_string(static_cast<int64_t>(value));
  }
  std::string out = std::to_string(value);
  out.erase(out.find_last_not_of('0') + 1);
  return out;
}

std::string text_of(const Range& range) {
  const Range all;
  if (range.min == range.max) return number(range.min);
  if (range.max == all.max) return "at least " + number(range.min);
  if (range.min == all.min) return "at most " + number(range.max);
  return number(range.min) + " to " + number(range.max);
}

std::string operand_name(int operand) {
  if (operand == kOutput) return "output";
  if (operand == kAnyInput) return "an input";
  return "input " + std::to_string(operand);
}

template <typename T, typename Name>
std::string joined(const std::vector<T>& items, const Name& name) {
  std::string out;
  for (const T& item : items) out += (out.empty() ? "" : " or ") + std::string(name(item));
  return out;
}

struct Describe {
  std::string operator()(const OperandIs& is) const {
    std::string out = operand_name(is.operand);
    if (is.constant) out += *is.constant ? " constant" : " computed";
    if (!is.storage.empty()) {
      out += " " + joined(is.storage, [](DType dtype) { return name_of(dtype); });
    }
    const bool plain = is.schemes == std::vector<Scheme>{Scheme::kPlain};
    if (!is.schemes.empty() && !plain) {
      out += " " + joined(is.schemes, [](Scheme scheme) { return name_of(scheme); });
    }
    if (is.block_size) out += ", block size " + text_of(*is.block_size);
    if (is.zero_points) out += *is.zero_points ? ", zero points other than 0" : ", zero points 0";
    return out;
  }
  std::string operator()(const RankIn& in) const {
    return operand_name(in.operand) + " rank " + text_of(in.range);
  }
  std::string operator()(const DimIn& in) const {
    return operand_name(in.operand) + " dim " + std::to_string(in.axis) + " " + text_of(in.range);
  }
  std::string operator()(const NotMultipleOf& of) const {
    const std::string what = of.axis ? "dim " + std::to_string(*of.axis) : "block size";
    return operand_name(of.operand) + " " + what + " no multiple of " + std::to_string(of.by);
  }
  std::string operator()(const ElementsIn& in) const {
    return operand_name(in.operand) + " of " + text_of(in.range) + " values";
  }
  std::string operator()(const ValueIn& in) const {
    return operand_name(in.operand) + " a constant with values " + text_of(in.range);
  }
  std::string operator()(const AttributeIn& in) const { return in.name + " " + text_of(in.range); }
  std::string operator()(const InputGiven& given) const {
    return operand_name(given.input) + (given.given ? " given" : " omitted");
  }
  std::string operator()(const QuantizedPort& port) const {
    return operand_name(port.operand) + (port.operand == kOutput ? " leaves" : " enters") +
           " the graph in integers";
  }
  std::string operator()(const MadeBy& by) const {
    const auto same = [](const std::string& op) { return op; };
    std::string out = operand_name(by.operand) + " computed by " + joined(by.ops, same);
    if (by.constant_weight) out += " with a constant weight";
    if (by.equal_dims) out += " of operands of the same dims";
    return by.only_reader ? out + ", for nobody else" : out;
  }
  std::string operator()(const BatchIn& in) const {
    return operand_name(in.operand) + " batch " + text_of(in.range);
  }
  std::string operator()(const CodesPastLimits& past) const {
    return std::string(name_of(past.code)) + " result that reaches beyond the limits";
  }
  std::string operator()(const CodesPastInput&) const {
    return "codes that reach beyond those of the input";
  }
  std::string operator()(const HasSymbolicDim&) const { return "a symbolic dim"; }
};

bool holds_for(const Rule& rule, Arch arch) {
  return rule.holds.empty() ||
         std::find(rule.holds.begin(), rule.holds.end(), arch) != rule.holds.end();
}

}  // namespace

std::string name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNative:
      return "native";
    case Verdict::kLowered:
      return "lowered";
    case Verdict::kRefused:
      return "refused";
    case Verdict::kWrong:
      return "wrong numbers";
    case Verdict::kUnmeasured:
      break;
  }
  return "unmeasured";
}

std::string describe(const Condition& condition) { return std::visit(Describe{}, condition); }

std::string describe(const Rule& rule) {
  std::string out;
  for (const Condition& condition : rule.when) {
    out += (out.empty() ? "" : "; ") + describe(condition);
  }
  return out.empty() ? "any" : out;
}

bool was_seen_on(const Rule& rule, Arch arch) {
  return std::find(rule.seen_on.begin(), rule.seen_on.end(), arch) != rule.seen_on.end();
}

Result<Record> record_of(Arch arch, const std::string& onnxruntime_qnn) {
  const Stack& stack = measured_stack();
  if (onnxruntime_qnn != stack.onnxruntime_qnn) {
    return unsupported("onnxruntime-qnn " + onnxruntime_qnn,
                       "nothing was measured with this version",
                       "use onnxruntime-qnn " + stack.onnxruntime_qnn);
  }
  std::optional<QuantizationTraits> traits = quantization_traits(arch);
  if (!traits) {
    std::string known;
    for (const Arch each : archs()) known += (known.empty() ? "" : ", ") + name_of(each);
    return unsupported("arch " + name_of(arch), "has no record: nothing was measured on it",
                       "choose one of " + known + ", or add it as docs/targets.md says");
  }
  Record out{arch, stack, {}, limits(), *std::move(traits), {}};
  out.preferences = preferences(out.traits, out.limits);
  for (const std::span<const Rule> table :
       {weight_rules(), product_rules(), folding_rules(), operator_rules()}) {
    for (const Rule& rule : table) {
      if (holds_for(rule, arch)) out.rules.push_back(&rule);
    }
  }
  return out;
}

Result<QuantizationTraits> traits_of(const std::optional<Target>& chip) {
  LAP_ASSIGN_OR_RETURN(Record record, record_of(chip ? chip->arch : kReferenceArch));
  return std::move(record.traits);
}

}  // namespace lapidary::target
