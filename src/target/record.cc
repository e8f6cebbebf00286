#include "target/record.h"

#include <fmt/format.h>

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
  std::string out = fmt::format("{:f}", value);
  out.erase(out.find_last_not_of('0') + 1);
  return out;
}

std::string text_of(const Range& range) {
  const Range all;
  if (range.min == range.max) return number(range.min);
  if (range.max == all.max) return "at least " + number(range.min);
  if (range.min == all.min) return "at most " + number(range.max);
  return fmt::format("{} to {}", number(range.min), number(range.max));
}

std::string operand_name(int operand) {
  if (operand == kOutput) return "output";
  if (operand == kAnyInput) return "an input";
  return fmt::format("input {}", operand);
}

template <typename T, typename Name>
std::string joined(const std::vector<T>& items, const Name& name) {
  std::vector<std::string> names;
  names.reserve(items.size());
  for (const T& item : items) names.emplace_back(name(item));
  return fmt::format("{}", fmt::join(names, " or "));
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
    return fmt::format("{} rank {}", operand_name(in.operand), text_of(in.range));
  }
  std::string operator()(const DimIn& in) const {
    return fmt::format("{} dim {} {}", operand_name(in.operand), in.axis, text_of(in.range));
  }
  std::string operator()(const NotMultipleOf& of) const {
    const std::string what = of.axis ? fmt::format("dim {}", *of.axis) : "block size";
    return fmt::format("{} {} no multiple of {}", operand_name(of.operand), what, of.by);
  }
  std::string operator()(const ElementsIn& in) const {
    return fmt::format("{} of {} values", operand_name(in.operand), text_of(in.range));
  }
  std::string operator()(const ValueIn& in) const {
    return fmt::format("{} a constant with values {}", operand_name(in.operand), text_of(in.range));
  }
  std::string operator()(const AttributeIn& in) const {
    return fmt::format("{} {}", in.name, text_of(in.range));
  }
  std::string operator()(const InputGiven& given) const {
    return operand_name(given.input) + (given.given ? " given" : " omitted");
  }
  std::string operator()(const QuantizedPort& port) const {
    return fmt::format("{} {} the graph in integers", operand_name(port.operand),
                       port.operand == kOutput ? "leaves" : "enters");
  }
  std::string operator()(const MadeBy& by) const {
    const auto same = [](const std::string& op) { return op; };
    std::string out =
        fmt::format("{} computed by {}", operand_name(by.operand), joined(by.ops, same));
    if (by.constant_weight) out += " with a constant weight";
    if (by.equal_dims) out += " of operands of the same dims";
    return by.only_reader ? out + ", for nobody else" : out;
  }
  std::string operator()(const BatchIn& in) const {
    return fmt::format("{} batch {}", operand_name(in.operand), text_of(in.range));
  }
  std::string operator()(const CodesPastLimits& past) const {
    return fmt::format("{} result that reaches beyond the limits", name_of(past.code));
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
  if (rule.when.empty()) return "any";
  std::vector<std::string> conditions;
  for (const Condition& condition : rule.when) conditions.push_back(describe(condition));
  return fmt::format("{}", fmt::join(conditions, "; "));
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
    std::vector<std::string> known;
    for (const Arch each : archs()) known.push_back(name_of(each));
    return unsupported(
        "arch " + name_of(arch), "has no record: nothing was measured on it",
        fmt::format("choose one of {}, or add it as docs/targets.md says", fmt::join(known, ", ")));
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
