// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include "example.h"
#include "probe/node_probes.h"
#include "probe/node_units.h"
#include "probe/reference_run.h"
#include "probe/rule_form.h"
#include "probe/rule_probes.h"
#include "probe/verdict_cache.h"
#include "probe/whole_run.h"

namespace lapidary::probe {

Status node_probes_example(const graph::Graph& prefill, const graph::Graph& decode,
                           const htp::Emulator& emulator, const std::filesystem::path& folder,
                           const std::filesystem::path& home) {
  // [probe/node_probes.h]
  const std::vector<graph::Graph> graphs = {prefill, decode};
  LAP_ASSIGN_OR_RETURN(const ProbeReport report,
                       probe::probe_nodes(graphs, emulator, folder, {.cache = home}));
  if (!report.passed()) print(report.to_json().dump());
  // [end]
  return {};
}

void node_units_example(const graph::Graph& graph, const ValueTypes& types) {
  // [probe/node_units.h]
  for (const probe::NodeUnit& unit : probe::node_units(graph)) {
    graph::Graph alone = probe::cut(graph, unit, types);
  }
  // [end]
}

Status rule_probes_example(const htp::Libraries& libraries, const target::Target& chip,
                           const std::filesystem::path& folder) {
  // [probe/rule_probes.h]
  LAP_ASSIGN_OR_RETURN(const RuleReport report, probe::measure_rules(libraries, chip, folder));
  for (const RuleResult& result : report.results) {
    if (result.changed()) print(result.id, result.note);
  }
  // [end]
  return {};
}

Result<ProbedNode> verdict_cache_example(const std::filesystem::path& root,
                                         const std::string& key, const ProbedNode& node) {
  // [probe/verdict_cache.h]
  LAP_ASSIGN_OR_RETURN(const auto cache, ProbeCache::open(root, "v81 ... QNN 2.51.0"));
  if (const std::optional<ProbedNode> known = cache.find(key)) return *known;
  LAP_RETURN_IF_ERROR(cache.keep(key, node));
  // [end]
  return node;
}

Status whole_run_example(const htp::Emulator& emulator, const std::filesystem::path& folder) {
  // [probe/whole_run.h]
  LAP_ASSIGN_OR_RETURN(const WholeRun run,
                       probe::run_whole("decoder/decode.1.onnx", emulator, folder));
  if (!run.passed()) print(run.outputs[0].name, run.outputs[0].difference.cosine);
  // [end]
  return {};
}

TEST(ProbeExamples, RuleForm) {
  // [probe/rule_form.h]
  Form f;
  f.quantized_output(f.op("MatMul", {f.a16({1, 8, 64}), f.weight({.code = DType::kInt8})}), 4);
  FormGraph made = std::move(f).finish();  // graph, its inputs' values, the outputs' zero point
  // [end]
  EXPECT_EQ(made.graph.outputs.size(), 1U);
}

Status reference_run_example(const graph::Graph& graph, const std::filesystem::path& folder,
                             const Work& work) {
  // [probe/reference_run.h]
  LAP_ASSIGN_OR_RETURN(auto inputs, seeded_inputs(graph, 1));
  LAP_ASSIGN_OR_RETURN(const ReferenceRun run,
                       run_reference(graph, std::move(inputs), folder, {.work = work}));
  const std::vector<std::byte>& bytes = run.outputs[0].data;
  // [end]
  use(bytes);
  return {};
}

}  // namespace lapidary::probe
