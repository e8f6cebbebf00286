#include "cli/targets_probe.h"

#include <fmt/core.h>

#include <cmath>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/scratch_folder.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"
#include "htp/installed_stack.h"
#include "probe/rule_probes.h"
#include "report/table.h"

namespace lapidary::cli {
namespace {

using target::Verdict;

// "native, 8e-05": the figure only where it is one.
std::string finding(Verdict verdict, double error) {
  const bool figure = verdict == Verdict::kNative || verdict == Verdict::kLowered;
  return target::name_of(verdict) + (figure ? fmt::format(", {:.2g}", error) : "");
}

std::string text_of(const probe::RuleReport& report, const target::Target& chip) {
  std::string out;
  if (report.changed() > 0) {
    report::Table table({"changed", "form", "recorded", "measured", "on the HTP"});
    for (const probe::RuleResult& result : report.results) {
      if (!result.changed()) continue;
      table.row({result.id, result.form, finding(result.expected, result.expected_error),
                 finding(result.verdict, result.error), result.note});
    }
    out += table.text();
  }
  return fmt::format("{}{}: unchanged: {}, changed: {}\n", out, target::name_of(chip),
                     report.results.size() - report.changed(), report.changed());
}

std::string stack_text(const htp::InstalledStack& stack) {
  const target::Stack& recorded = target::record_of(target::Arch::kV81)->stack;
  std::string out = fmt::format("installed: {}\n", stack.describe());
  if (!stack.is_recorded()) {
    out += fmt::format("recorded:  {}: another stack than the installed one\n",
                       htp::InstalledStack{recorded, ""}.describe());
  }
  return out;
}

std::string unprobed_text() {
  std::string out;
  for (const probe::Unprobed& each : probe::unprobed()) {
    out += fmt::format("not probed: {}: {}\n", each.id, each.reason);
  }
  return out;
}

Json json_of(const probe::RuleReport& report) {
  Json results = Json::array();
  for (const probe::RuleResult& result : report.results) {
    Json json = {{"id", result.id},
                 {"form", result.form},
                 {"changed", result.changed()},
                 {"recorded", target::name_of(result.expected)},
                 {"recorded_error", result.expected_error},
                 {"measured", target::name_of(result.verdict)},
                 {"note", result.note}};
    if (std::isfinite(result.error)) json["measured_error"] = result.error;
    results.push_back(std::move(json));
  }
  return {{"arch", target::name_of(report.arch)},
          {"changed", report.changed()},
          {"unchanged", report.results.size() - report.changed()},
          {"results", std::move(results)}};
}

Json stack_json(const htp::InstalledStack& stack) {
  return {{"onnxruntime", stack.versions.onnxruntime},
          {"onnxruntime_qnn", stack.versions.onnxruntime_qnn},
          {"qnn", stack.versions.qnn},
          {"provider_hash", stack.provider_hash},
          {"is_recorded", stack.is_recorded()}};
}

Result<std::vector<target::Target>> chips_of(const TargetsProbeFlags& flags) {
  std::vector<target::Target> chips;
  const bool all = flags.arch == "all" || (flags.arch.empty() && flags.soc.empty());
  if (all && !flags.soc.empty()) {
    return bad_input("--soc " + flags.soc, "contradicts --arch all", "give one of them");
  }
  if (all) {
    for (const target::Arch arch : target::archs()) {
      chips.push_back({arch, &target::representative(arch)});
    }
    return chips;
  }
  LAP_ASSIGN_OR_RETURN(const target::Target chip, target::resolve(flags.arch, flags.soc));
  chips.push_back(chip);
  return chips;
}

}  // namespace

Result<int> probe_targets(const TargetsProbeFlags& flags) {
  const CancelToken& cancel = catch_interrupts();
  LAP_ASSIGN_OR_RETURN(const auto chips, chips_of(flags));
  LAP_ASSIGN_OR_RETURN(const htp::Libraries libraries, htp::find_libraries(flags.qnn_libs));
  LAP_ASSIGN_OR_RETURN(const htp::InstalledStack stack, htp::installed_stack(libraries));
  LAP_ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::create());
  ProgressDisplay progress;
  probe::RuleProbing probing;
  probing.work = {.progress = &progress, .cancel = &cancel};
  probing.only = flags.only;
  if (!flags.json) write_out(stack_text(stack));
  Json reports = Json::array();
  size_t changed = 0;
  size_t measured = 0;
  for (const target::Target& chip : chips) {
    LAP_ASSIGN_OR_RETURN(
        const probe::RuleReport report,
        probe::measure_rules(libraries, chip, scratch->path() / target::name_of(chip.arch),
                             probing));
    progress.finish();
    changed += report.changed();
    measured += report.results.size();
    if (flags.json) {
      reports.push_back(json_of(report));
    } else {
      write_out(text_of(report, chip));
    }
  }
  if (measured == 0) {
    return bad_input("--only " + flags.only, "matches no rule",
                     "`lapidary targets --arch v81 "
                     "--json` lists the ids");
  }
  if (flags.json) {
    Json unprobed = Json::object();
    for (const probe::Unprobed& each : probe::unprobed()) unprobed[each.id] = each.reason;
    const Json json = {{"stack", stack_json(stack)},
                       {"reports", std::move(reports)},
                       {"not_probed", std::move(unprobed)}};
    write_out(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } else {
    write_out(unprobed_text());
  }
  const int printed = finish_output();
  return printed == kExitOk && changed > 0 ? kExitInternal : printed;
}

}  // namespace lapidary::cli
