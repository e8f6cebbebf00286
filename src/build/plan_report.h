// What a build will cost, said before anything is read, compiled or written: a Plan and a target's
// record in numbers and words for people.
//
//   LAP_ASSIGN_OR_RETURN(const Plan plan, make_plan(recipe, checkpoint, chip));
//   LAP_ASSIGN_OR_RETURN(const PlanReport report,
//                        plan_report(recipe, checkpoint, plan, {.chip = chip}));
//   const int64_t memory = report.contexts[0].compile_bytes;  // most that the compiler needs
//
// Bytes of files are those that a build writes; memory and context binaries are estimates
// (target/compile_costs.h, and build_memory() in plan_report.cc), which a build compares with what
// it measures (plan_comparison.h). Takes milliseconds a layer, whatever the weights' size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "build/plan.h"
#include "checkpoint/checkpoint.h"
#include "contract/role.h"
#include "recipe/recipe.h"
#include "target/record.h"
#include "target/soc.h"

namespace lapidary::build {

struct GraphCost {
  contract::Role role = contract::Role::kModel;
  int64_t part = 0;
  std::string file;
  int64_t nodes = 0;
  int64_t weight_bytes = 0;  // of the data file
  int64_t model_bytes = 0;   // of the ONNX file beside it
  int64_t bytes() const { return weight_bytes + model_bytes; }
};

struct ComponentCost {
  std::string name;
  std::vector<GraphCost> graphs;
  int64_t ranges_bytes = 0;  // of calibration.json
  int64_t bytes() const;
};

// One run of the compiler and the binary that it makes.
struct ContextCost {
  std::string name;  // as CompiledPart::name: "decoder part 0 (prefill, decode)"
  std::string component;
  int64_t part = 0;
  int64_t nodes = 0;         // of all its graphs
  int64_t weight_bytes = 0;  // of the weights it holds; those that graphs share count once
  int64_t binary_bytes = 0;
  int64_t compile_bytes = 0;  // most resident memory of the compiler
};

// One part of a decoder that is split, in the graph of one token.
struct SplitPart {
  int64_t part = 0;
  std::string layers;  // "layers 0-4", "layers 5-7 and lm_head"
  int64_t weight_bytes = 0;
  std::vector<std::string> receives;  // values that earlier parts make
};
struct Split {
  std::string component;
  std::string reason;  // "max_bytes is 300.0 MB: ..."
  std::vector<SplitPart> parts;
};

// Nodes of one kind that run in another form than the model's: by a pass, or by the compiler.
struct Lowering {
  std::string component;
  std::string by;  // the pass's name in the recipe, or "compiler"
  std::string op;  // what is lowered
  int64_t nodes = 0;
  std::string example;  // a node's name; "" when a pass did it
  std::string reason;
};

// Nodes of one kind for which the target has no good word.
struct Objection {
  std::string component;
  std::string op;
  target::Verdict verdict = target::Verdict::kRefused;
  std::string rule;  // its id; "" when no rule speaks of the form
  int64_t nodes = 0;
  std::string example;
  std::string reason, remedy;
};

struct TokenBytes {  // read to decode one token
  int64_t decoder_weights = 0;
  int64_t kv_cache = 0;   // filled to the context length
  int64_t embedding = 0;  // one row of each table, and what else the embedding multiplies with
  int64_t total() const { return decoder_weights + kv_cache + embedding; }
};

// Most resident memory of the building process, by what it does.
struct BuildMemory {
  int64_t saving = 0;
  int64_t calibrating = 0;  // 0: nothing is calibrated
  int64_t peak() const { return saving > calibrating ? saving : calibrating; }
};

struct PlanReport {
  std::string recipe;
  std::optional<target::Target> chip;  // for which it compiles
  std::vector<ComponentCost> components;
  std::vector<ContextCost> contexts;
  int64_t other_bytes = 0;  // tokenizer and the like, as in the checkpoint; claims
  int64_t context_length = 0;
  int64_t kv_bytes = 0;  // of the caches for that many positions
  TokenBytes token;
  BuildMemory build;
  std::optional<Split> split;
  std::vector<Lowering> lowerings;
  std::vector<Objection> objections;

  int64_t package_bytes() const;
  int64_t compile_bytes() const;  // of the compile that takes the most; 0: none is made
};

struct PlanOptions {
  std::optional<target::Target> chip = {};  // required when the recipe compiles
  int64_t context_length = 0;  // of a decoder for any lengths; 0: kDefaultContext, or the model's
};
inline constexpr int64_t kDefaultContext = 4096;

// Errors: kBadInput for a context longer than the model's, or another than a static decoder's.
Result<PlanReport> plan_report(const recipe::Recipe& recipe,
                               const checkpoint::Checkpoint& checkpoint, const Plan& plan,
                               const PlanOptions& options);

// Keys are the fields' names; sizes in bytes.
Json to_json(const PlanReport& report);

}  // namespace lapidary::build
