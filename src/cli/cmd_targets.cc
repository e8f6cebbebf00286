// lapidary targets [--arch A | --soc S] [--probe]: the chips that are known, and what each accepts.
#include <fmt/format.h>

#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/targets_probe.h"
#include "cli/terminal.h"
#include "report/table.h"
#include "target/compile_costs.h"
#include "target/record.h"

namespace lapidary::cli {
namespace {

using target::Arch;
using target::Record;
using target::Rule;

struct TargetsFlags {
  std::string arch;
  std::string soc;
  std::string qnn_libs;
  std::string only;
  bool probe = false;
  bool json = false;
};

std::string arch_names(const std::vector<Arch>& archs) {
  std::vector<std::string> names;
  names.reserve(archs.size());
  for (const Arch arch : archs) names.push_back(target::name_of(arch));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string list_text() {
  report::Table table({"arch", "SoC", "soc_model", "VTCM"});
  for (const target::Soc& soc : target::socs()) {
    const bool first = &soc == &target::representative(soc.arch);
    table.row({first ? target::name_of(soc.arch) : "", soc.name, std::to_string(soc.model),
               fmt::format("{} MiB", soc.vtcm_bytes >> 20)});
  }
  return table.text() +
         "\nThe first SoC of an arch stands for it. `lapidary targets --arch v81` shows what it "
         "accepts.\n";
}

Json list_json() {
  Json socs = Json::array();
  for (const target::Soc& soc : target::socs()) {
    socs.push_back({{"name", soc.name},
                    {"soc_model", soc.model},
                    {"arch", target::name_of(soc.arch)},
                    {"vtcm_bytes", soc.vtcm_bytes}});
  }
  Json archs = Json::array();
  for (const Arch arch : target::archs()) {
    archs.push_back({{"name", target::name_of(arch)}, {"soc", target::representative(arch).name}});
  }
  return {{"archs", std::move(archs)}, {"socs", std::move(socs)}};
}

// Three lines a rule: a table of such sentences would be wider than any terminal.
std::string rules_text(const Record& record) {
  std::string out;
  for (const Rule* rule : record.rules) {
    const bool seen = target::was_seen_on(*rule, record.arch);
    out += fmt::format("{}: {}: {}\n    {} [{}{}]\n", target::name_of(rule->verdict),
                       fmt::join(rule->ops, ", "), describe(*rule), rule->reason, rule->measured,
                       seen ? "" : "; seen on " + arch_names(rule->seen_on));
    if (!rule->remedy.empty()) out += fmt::format("    instead: {}\n", rule->remedy);
  }
  return out;
}

std::string preferences_text(const Record& record) {
  std::string out;
  for (const target::Preference& preference : record.preferences) {
    out += fmt::format("preferred: {}: {}\n    instead of {}: {}\n", preference.where,
                       preference.prefer, preference.instead_of, preference.why);
  }
  return out;
}

std::string limits_text(const Record& record) {
  const target::Limits& limits = record.limits;
  const target::QuantizationTraits& traits = record.traits;
  const auto whole = [](double value) { return std::to_string(static_cast<int64_t>(value)); };
  report::Table table({"limit", ""});
  table.row({"int8 weights compiled in one context, no limit met",
             human_bytes(static_cast<uint64_t>(limits.most_weight_bytes_measured))});
  const target::CompileCosts& costs = target::compile_costs();
  table.row({"memory of the compiler",
             fmt::format("{} and {:.1f} bytes a byte of weights, {:.1f} a value that is quantized",
                         human_bytes(static_cast<uint64_t>(costs.base_bytes)),
                         costs.bytes_per_weight_byte, costs.bytes_per_quantized_element)});
  if (traits.lpbq) {
    table.row(
        {"blocks of LPBQ weights",
         fmt::format("{}, or a multiple of {}", traits.lpbq->smallest, traits.lpbq->multiple)});
  }
  table.row({"lowest value of an additive float16 mask", whole(limits.lowest_float16_mask)});
  table.row({"mask value to use, float16", whole(traits.float16_mask)});
  table.row({"mask value to use, uint16 activations", whole(traits.quantized_mask)});
  table.row({"largest float16 divisor", whole(limits.largest_float16_divisor)});
  return table.text();
}

std::string record_text(const target::Target& chosen, const Record& record) {
  return fmt::format(
      "{}, soc_model {}; measured with onnxruntime {}, onnxruntime-qnn {}, QNN {}, emulated on "
      "x86\n\n{}\n{}\n{}",
      target::name_of(chosen), chosen.soc->model, record.stack.onnxruntime,
      record.stack.onnxruntime_qnn, record.stack.qnn, rules_text(record), preferences_text(record),
      limits_text(record));
}

Json rule_json(const Rule& rule, Arch arch) {
  Json seen = Json::array();
  for (const Arch each : rule.seen_on) seen.push_back(target::name_of(each));
  return {{"id", rule.id},
          {"ops", rule.ops},
          {"form", describe(rule)},
          {"verdict", target::name_of(rule.verdict)},
          {"reason", rule.reason},
          {"remedy", rule.remedy},
          {"measured", rule.measured},
          {"seen_on", std::move(seen)},
          {"seen_on_this_arch", target::was_seen_on(rule, arch)}};
}

Json record_json(const target::Target& chosen, const Record& record) {
  Json rules = Json::array();
  for (const Rule* rule : record.rules) rules.push_back(rule_json(*rule, record.arch));
  Json preferences = Json::array();
  for (const target::Preference& preference : record.preferences) {
    preferences.push_back({{"id", preference.id},
                           {"where", preference.where},
                           {"prefer", preference.prefer},
                           {"instead_of", preference.instead_of},
                           {"why", preference.why}});
  }
  const target::Limits& limits = record.limits;
  const target::QuantizationTraits& traits = record.traits;
  return {{"arch", target::name_of(chosen.arch)},
          {"soc", chosen.soc->name},
          {"soc_model", chosen.soc->model},
          {"stack",
           {{"onnxruntime", record.stack.onnxruntime},
            {"onnxruntime_qnn", record.stack.onnxruntime_qnn},
            {"qnn", record.stack.qnn}}},
          {"rules", std::move(rules)},
          {"preferences", std::move(preferences)},
          {"limits",
           {{"most_weight_bytes_measured", limits.most_weight_bytes_measured},
            {"smallest_block", traits.lpbq ? Json(traits.lpbq->smallest) : Json()},
            {"block_multiple", traits.lpbq ? Json(traits.lpbq->multiple) : Json()},
            {"lowest_float16_mask", limits.lowest_float16_mask},
            {"float16_mask", traits.float16_mask},
            {"quantized_mask", traits.quantized_mask},
            {"largest_float16_divisor", limits.largest_float16_divisor}}}};
}

Result<std::string> targets(const TargetsFlags& flags) {
  if (flags.arch.empty() && flags.soc.empty()) {
    return flags.json ? list_json().dump(2) + "\n" : list_text();
  }
  LAP_ASSIGN_OR_RETURN(const target::Target chosen, target::resolve(flags.arch, flags.soc));
  LAP_ASSIGN_OR_RETURN(const Record record, target::record_of(chosen.arch));
  return flags.json ? record_json(chosen, record).dump(2) + "\n" : record_text(chosen, record);
}

}  // namespace

void add_targets_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<TargetsFlags>();
  Command command =
      program.add_command("targets", "Show the chips that are known and what they accept");
  command.add_option("--arch", flags->arch,
                     "What this Hexagon arch accepts: v73, v75, v79, v81; with --probe also: all");
  command.add_option("--soc", flags->soc, "What this SoC accepts, by name or number: SM8850, 87");
  command.add_flag("--json", flags->json, "Print one JSON object");
  const Option probe = command.add_flag(
      "--probe", flags->probe,
      "Measure the records again with the installed QNN libraries, emulated, and print what "
      "changed; exit code 1 when something did");
  command
      .add_option("--qnn-libs", flags->qnn_libs,
                  "Folder of the QNN libraries (else LAPIDARY_QNN_LIBS, else the program's own)")
      .needs(probe);
  command.add_option("--only", flags->only, "Probe the rules whose ids match this glob: 'nbits.*'")
      .needs(probe);
  command.on_run([flags, &exit_code] {
    if (!flags->probe) {
      exit_code = print_or_report(targets(*flags));
      return;
    }
    exit_code = code_or_report(
        probe_targets({flags->arch, flags->soc, flags->qnn_libs, flags->only, flags->json}));
  });
}

}  // namespace lapidary::cli
