// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "example.h"
#include "target/compile_costs.h"
#include "target/graph_facts.h"
#include "target/legality.h"
#include "target/quantization_traits.h"
#include "target/record.h"
#include "target/soc.h"

namespace lapidary::target {

void graph_facts_example(const graph::Graph& graph, const Shapes& shapes, const graph::Node& node) {
  // [target/graph_facts.h]
  const GraphFacts facts(graph, shapes);
  const Scheme scheme = facts.operand(node.inputs[1]).scheme;  // Scheme::kBlock
  const auto dims = facts.dims(node.inputs[0]);                // {1, 216, 64}, or nullopt
  // [end]
  use(scheme, dims);
}

Status legality_example(const graph::Graph& graph, const Shapes& shapes) {
  // [target/legality.h]
  LAP_ASSIGN_OR_RETURN(const Record record, record_of(Arch::kV81));
  for (const Finding& each : check(graph, record, shapes)) print(each.node, each.reason);
  // [end]
  return {};
}

Status record_example() {
  // [target/record.h]
  LAP_ASSIGN_OR_RETURN(const Record record, record_of(Arch::kV81));
  for (const Rule* rule : record.rules) print(describe(*rule));
  // [end]
  EXPECT_FALSE(record.rules.empty());
  return {};
}

Status soc_example() {
  // [target/soc.h]
  LAP_ASSIGN_OR_RETURN(const Target target, resolve("", "SM8850"));
  const Arch arch = target.arch;        // Arch::kV81
  const int model = target.soc->model;  // 87: what the QNN provider option `soc_model` wants
  // [end]
  EXPECT_EQ(arch, Arch::kV81);
  EXPECT_EQ(model, 87);
  return {};
}

TEST(TargetExamples, Records) {
  expect_ok(record_example());
  expect_ok(legality_example({}, {}));
}

TEST(TargetExamples, Soc) { expect_ok(soc_example()); }

TEST(TargetExamples, CompileCosts) {
  // [target/compile_costs.h]
  const std::vector<CompileLoad> graphs = {{.weight_bytes = 268'000'000, .nodes = 900},
                                           {.weight_bytes = 834'000'000, .nodes = 1100}};
  const int64_t most = compile_costs().peak_bytes(graphs);
  // [end]
  EXPECT_GT(most, 834'000'000);
}

Status quantization_traits_example(const std::optional<Target>& chip) {
  // [target/quantization_traits.h]
  LAP_ASSIGN_OR_RETURN(const QuantizationTraits traits, traits_of(chip));    // record.h
  const bool is_signed = traits.takes_signed("MatMul", 1);  // true: keys and values are int16
  // [end]
  EXPECT_TRUE(is_signed);
  return {};
}

TEST(TargetExamples, QuantizationTraits) { expect_ok(quantization_traits_example({})); }

}  // namespace lapidary::target
