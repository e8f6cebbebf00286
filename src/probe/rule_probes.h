// The record of a target (target/record.h) measured again: for every rule, limit and preference
// small graphs of its form, run on the emulated HTP against ONNX Runtime's CPU.
//
//   LAP_ASSIGN_OR_RETURN(const RuleReport report, probe::measure_rules(libraries, chip, folder));
//   for (const RuleResult& result : report.results) {
//     if (result.changed()) print(result.id, result.note);
//   }
//
// A graph that is refused needs no reference; one that is taken is wrong when it is further from
// the CPU than its kind of form may be, lowered when the compiler's own dump says that it runs in
// another form, else native.
#pragma once

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "htp/emulator.h"
#include "probe/rule_form.h"
#include "target/record.h"

namespace lapidary::probe {

struct RuleProbe {
  std::string id;    // of the rule or the preference; "limit." and the name of a limit
  std::string form;  // which of its forms: "Gemm, int4 per channel"
  double error = 0;  // relative error that was seen; of no meaning for what is refused or wrong
  std::function<void(Form&)> build = {};
  // What it is compared with, where not with the form itself on the CPU; outputs are float32.
  std::function<void(Form&)> reference = {};
  std::optional<target::Verdict> expected = std::nullopt;  // else the rule's
  double wrong_above = 5e-3;                               // relative error of wrong numbers
  // Relative error of "less precise than written"; claims tell the rest.
  double lowered_above = std::numeric_limits<double>::max();
  std::vector<target::Arch> archs = {};  // where it can be told; empty: all
  // "op_affinity" holds JSON here, which is written to a file that the option then names.
  std::map<std::string, std::string> provider_options = {};
  int64_t opset = 23;
  std::string becomes = {};  // part of RuleResult::note, where it must be that operator
};
// In the order of the record. Rules first, then limits, then preferences.
std::vector<RuleProbe> rule_probes();
FormGraph form_of(const RuleProbe& probe);
// What the probe should find on an arch; nothing when its rule is not for it.
std::optional<target::Verdict> expected_of(const RuleProbe& probe, const target::Record& record);

// What nobody measures again, and why.
struct Unprobed {
  std::string id;
  std::string reason;
};
std::vector<Unprobed> unprobed();

struct RuleResult {
  std::string id = {}, form = {};
  target::Verdict expected = target::Verdict::kNative;
  double expected_error = 0;
  // kUnmeasured: the process died, or there is nothing to compare with; `note` says so.
  target::Verdict verdict = target::Verdict::kUnmeasured;
  double error = 0;       // infinite: values that are not finite
  std::string note = {};  // what it became on the HTP, or why it was refused

  bool became_other = false;  // than RuleProbe::becomes says

  // Another verdict or operator; or another error where one was expected: by a factor of 3, above
  // 2e-5.
  bool changed() const;
};

struct RuleReport {
  target::Arch arch = target::Arch::kV81;
  std::vector<RuleResult> results;
  size_t changed() const;
};

struct RuleProbing {
  // Its provider options are those of every probe, its token is that of `work`.
  htp::EmulatorSettings emulator = {};
  Work work = {};                                           // a stage counted in probes
  std::string only = {};                                    // a glob of ids; "": all
  std::optional<target::Verdict> expecting = std::nullopt;  // only probes that should find this
};
// Models, logs and values are written to `folder`, which is made.
// Errors: those of provider_options(); nothing can be run at all; kCancelled; kIo.
Result<RuleReport> measure_rules(const htp::Libraries& libraries, const target::Target& chip,
                                 const std::filesystem::path& folder,
                                 const RuleProbing& settings = {});

}  // namespace lapidary::probe
