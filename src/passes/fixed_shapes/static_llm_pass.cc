// StaticLLM in a recipe: options, and the graphs that they ask for.
#include <algorithm>
#include <utility>

#include "contract/notes.h"
#include "contract/ports.h"
#include "passes/fixed_shapes/static_llm.h"

namespace lapidary::passes {
namespace {

struct Lengths {
  int64_t context = 4096;
  int64_t prefill = 64;     // 0: no such graph
  int64_t calibration = 0;  // 0: no such graph
};

std::string one_of(JsonReader& reader, const std::string& key, const char* fallback,
                   const char* other) {
  std::string value = reader.string_or(key, fallback);
  if (value != fallback && value != other) {
    reader.fail(key, "'" + value + "' is not known",
                "use " + std::string(fallback) + " or " + other);
  }
  return value;
}

Result<SetOutcome> make_set(GraphSet graphs, const Lengths& lengths,
                            const StaticLlmOptions& shared) {
  if (graphs.size() != 1 || graphs[0].role != Role::kModel) {
    return bad_input("StaticLLM", "the component is several graphs already",
                     "apply StaticLLM once, before passes that need fixed lengths");
  }
  SetOutcome out;
  const auto add = [&](Role role, int64_t context, int64_t sequence, bool logits) -> Status {
    StaticLlmOptions options = shared;
    options.context_length = context;
    options.sequence_length = sequence;
    options.logits = logits;
    LAP_ASSIGN_OR_RETURN(PassOutcome outcome, static_llm(graphs[0].graph, options));
    out.graphs.push_back({role, 0, std::move(outcome.graph)});
    out.rewritten += outcome.rewritten;
    return {};
  };
  if (lengths.prefill > 0) {
    LAP_RETURN_IF_ERROR(add(Role::kPrefill, lengths.context, lengths.prefill, false));
  }
  LAP_RETURN_IF_ERROR(add(Role::kDecode, lengths.context, 1, true));
  if (lengths.calibration > 0) {
    LAP_RETURN_IF_ERROR(add(Role::kCalibration, lengths.calibration, lengths.calibration, true));
  }
  const bool capped = out.graphs.back().graph.metadata.contains(contract::notes::kHostLogitSoftcap);
  if (shared.host_logit_softcap && !capped) {
    out.declined.push_back({contract::ports::kLogits, "no soft-cap to leave to the host"});
  }
  return out;
}

}  // namespace

BoundPass bind_static_llm(JsonReader& reader) {
  Lengths lengths;
  StaticLlmOptions shared;
  reader.integer_or("batch_size", 1, {1, 1});
  lengths.context = reader.integer_or("context_length", lengths.context, {2, kLongestContext});
  lengths.prefill = reader.integer_or("prefill_length", lengths.prefill, {0, kLongestContext});
  if (lengths.prefill >= lengths.context) {
    reader.fail("prefill_length",
                "is " + std::to_string(lengths.prefill) + " in a context of " +
                    std::to_string(lengths.context),
                "choose a smaller one than context_length");
  }
  // One token is no prompt, and a context has two positions at least.
  lengths.calibration =
      reader.integer_or("calibration_length", lengths.calibration, {0, kLongestContext});
  if (lengths.calibration == 1) {
    reader.fail("calibration_length", "is 1", "choose 0 (no calibration graph), 2 or more");
  }
  const std::string attention = one_of(reader, "attention", "decomposed", "Attention");
  const std::string softcap = one_of(reader, "logit_softcap", "graph", "host");
  shared.attention =
      attention == "Attention" ? AttentionForm::kAttention : AttentionForm::kDecomposed;
  shared.host_logit_softcap = softcap == "host";
  reader.reject_unknown("lengths are named by context_length, prefill_length, calibration_length");
  Json json = {{"batch_size", 1},
               {"context_length", lengths.context},
               {"prefill_length", lengths.prefill},
               {"calibration_length", lengths.calibration},
               {"attention", attention},
               {"logit_softcap", softcap}};
  const auto run = [lengths, shared](GraphSet graphs, const PassContext& /*context*/) {
    return make_set(std::move(graphs), lengths, shared);
  };
  return {"StaticLLM", std::move(json), run};
}

}  // namespace lapidary::passes
