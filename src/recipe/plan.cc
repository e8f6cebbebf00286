#include "recipe/plan.h"

#include "base/version.h"
#include "checkpoint/fingerprint.h"
#include "graph/onnx_writer.h"
#include "package/component_record.h"
#include "recipe/components.h"

namespace lapidary::recipe {
namespace {

std::string component_key(const PlannedComponent& component, const Recipe& recipe,
                          const std::string& source_hash,
                          const checkpoint::Checkpoint& checkpoint) {
  checkpoint::Fingerprint print;
  print.add(kVersion);
  print.add(source_hash);
  for (const int64_t time : checkpoint.weights.modification_times()) {
    print.add(std::to_string(time));
  }
  for (const PassStep& step : recipe.steps) {
    if (const passes::BoundPass* pass = step.pass_for(component.name)) {
      print.add(pass->type);
      print.add(pass->options.dump());
    }
  }
  print.add(graph::print(component.graph));
  return print.hex();
}

Result<PlannedComponent> plan_component(const ComponentBuilder& builder, const Recipe& recipe,
                                        const checkpoint::Checkpoint& checkpoint) {
  PlannedComponent out;
  out.name = builder.name;
  passes::GraphSet graphs(1);
  LAP_ASSIGN_OR_RETURN(graphs[0].graph, builder.build(checkpoint.config, checkpoint.weights));
  for (const PassStep& step : recipe.steps) {
    const passes::BoundPass* pass = step.pass_for(out.name);
    if (pass == nullptr) continue;
    LAP_ASSIGN_OR_RETURN(passes::SetOutcome outcome, pass->run(std::move(graphs), {}));
    graphs = std::move(outcome.graphs);
    out.passes.push_back({step.name, step.type, outcome.rewritten, std::move(outcome.declined)});
  }
  out.graph = std::move(graphs[0].graph);
  LAP_RETURN_IF_ERROR(graph::check(out.graph));
  out.record = package::take_component_record(out.graph, out.name + "/model.onnx");
  out.data_bytes = graph::external_bytes(out.graph);
  return out;
}

}  // namespace

Result<Plan> make_plan(const Recipe& recipe, const checkpoint::Checkpoint& checkpoint) {
  Plan out;
  LAP_ASSIGN_OR_RETURN(out.source_hash, checkpoint.source_hash());
  for (const ComponentBuilder& builder : component_builders()) {
    if (!builder.is_part_of(checkpoint.config)) continue;
    LAP_ASSIGN_OR_RETURN(PlannedComponent component, plan_component(builder, recipe, checkpoint));
    component.key = component_key(component, recipe, out.source_hash, checkpoint);
    out.components.push_back(std::move(component));
  }
  return out;
}

}  // namespace lapidary::recipe
