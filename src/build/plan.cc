#include "build/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/version.h"
#include "build/components.h"
#include "build/fixed_model.h"
#include "calibration/observed_run.h"
#include "calibration/part_ends.h"
#include "graph/fixed_shapes.h"
#include "graph/onnx_writer.h"
#include "package/graph_record.h"
#include "target/record.h"

namespace lapidary::build {
namespace {

std::string component_key(const PlannedComponent& component, const recipe::Recipe& recipe,
                          const std::string& source_hash,
                          const checkpoint::Checkpoint& checkpoint) {
  Fingerprint print;
  print.add(kVersion);
  print.add(source_hash);
  for (const int64_t time : checkpoint.stored.modification_times()) {
    print.add(std::to_string(time));
  }
  for (const recipe::PassStep& step : recipe.steps) {
    if (const passes::BoundPass* pass = step.pass_for(component.name)) {
      print.add(pass->type);
      print.add(pass->options.dump());
    }
  }
  // Calibration runs with it, and no graph shows it.
  if (component.fixed_model) print.add(std::to_string(component.fixed_model->masked));
  for (const PlannedGraph& each : component.graphs) {
    print.add(each.record.file);
    print.add(graph::print(each.graph));
  }
  return print.hex();
}

Result<PlannedGraph> planned_graph(const std::string& component, passes::RoleGraph member) {
  PlannedGraph out;
  LAP_RETURN_IF_ERROR(graph::check(member.graph));
  out.role = member.role;
  const std::string file = fmt::format("{}/{}.onnx", component, passes::file_stem(member));
  out.record = package::take_graph_record(member.graph, file);
  out.record.name = component;
  out.record.role = member.role;
  out.record.part = member.part;
  out.graph = std::move(member.graph);
  out.data_bytes = graph::external_bytes(out.graph);
  return out;
}

// Of the values that nodes of a float graph make; 0 where shapes are not fixed.
int64_t largest_value_bytes(const graph::Graph& graph) {
  const auto known = graph::infer_shapes(graph);
  if (!known.ok()) return 0;
  int64_t out = 0;
  for (const graph::Node& node : graph.nodes) {
    for (const std::string& value : node.outputs) {
      const auto shape = known->shapes.find(value);
      if (shape != known->shapes.end()) out = std::max(out, tensor::element_count(shape->second));
    }
  }
  return out * static_cast<int64_t>(sizeof(float));
}

// Ranges for planning: dtypes and bytes do not depend on the numbers, nor on moments. (As many
// digits as most have.)
Result<quant::Ranges> made_up_ranges(const passes::CalibrationRequest& request) {
  quant::Ranges out;
  for (const std::string& value : request.values) {
    LAP_RETURN_IF_ERROR(out.set(value, {-1.2345678F, 1.2345678F}));
  }
  return out;
}

// Of the part that has the most, where a graph is calibrated in parts.
int64_t weights_at_once(const graph::Graph& graph) {
  const int64_t whole = graph::external_bytes(graph);
  return whole <= calibration::kPartBytes
             ? whole
             : calibration::largest_part_bytes(graph, calibration::kPartBytes);
}

Result<graph::Graph> build_graph(const ComponentBuilder& builder,
                                 const checkpoint::Checkpoint& checkpoint,
                                 const std::optional<package::FixedEncoder>& length) {
  if (!length) return builder.build(checkpoint.config, checkpoint.weights);
  return builder.build_static(checkpoint.config, checkpoint.weights,
                              {.soft_tokens = length->soft_tokens, .masked = length->masked});
}

// Finds ranges and moments for `out` as a plan does, and notes in it what was asked.
passes::PassContext planning(PlannedComponent& out, const target::QuantizationTraits& traits) {
  return {.calibrate = [&out](const passes::CalibrationRequest& request) -> Result<quant::Ranges> {
            LAP_ASSIGN_OR_RETURN(quant::Ranges ranges, made_up_ranges(request));
            out.calibrated = true;
            out.calibration_weight_bytes =
                std::max(out.calibration_weight_bytes, weights_at_once(request.graph));
            out.calibration_value_bytes =
                std::max(out.calibration_value_bytes, largest_value_bytes(request.graph));
            out.ranges_bytes += static_cast<int64_t>(ranges.to_json().dump(1).size());
            return ranges;
          },
          .moments =
              [&out](const passes::MomentRequest& request) {
                out.calibrated = true;
                return no_moments(request);
              },
          .traits = traits};
}

// The next step of the recipe, if it has a pass for the component.
Status run_step(const recipe::Recipe& recipe, const std::string& component,
                const passes::PassContext& context, PassProgress& at) {
  const recipe::PassStep& step = recipe.steps[at.next_step];
  ++at.next_step;
  const passes::BoundPass* pass = step.pass_for(component);
  if (pass == nullptr) return {};
  LAP_ASSIGN_OR_RETURN(passes::SetOutcome outcome, pass->run(std::move(at.graphs), context));
  at.graphs = std::move(outcome.graphs);
  at.reports.push_back({step.name, step.type, outcome.rewritten, std::move(outcome.declined),
                        std::move(outcome.grids)});
  return {};
}

// After the last pass; what was made to calibrate on alone is not saved.
void drop_calibration_graphs(passes::GraphSet& graphs) {
  std::erase_if(graphs, [](const auto& each) { return each.role == contract::Role::kCalibration; });
}

// What all passes have left.
Status take_graphs(PassProgress done, PlannedComponent& out) {
  out.passes = std::move(done.reports);
  out.graphs.clear();
  for (passes::RoleGraph& member : done.graphs) {
    LAP_ASSIGN_OR_RETURN(PlannedGraph planned, planned_graph(out.name, std::move(member)));
    out.graphs.push_back(std::move(planned));
  }
  return {};
}

Result<PlannedComponent> plan_component(const ComponentBuilder& builder,
                                        const recipe::Recipe& recipe,
                                        const checkpoint::Checkpoint& checkpoint,
                                        const Plan& plan) {
  PlannedComponent out;
  out.name = name_of(builder.component);
  LAP_ASSIGN_OR_RETURN(out.fixed_encoder, fixed_encoder(recipe, out.name, checkpoint, plan.traits));
  PassProgress at;
  at.graphs.resize(1);
  LAP_ASSIGN_OR_RETURN(at.graphs[0].graph, build_graph(builder, checkpoint, out.fixed_encoder));
  const passes::PassContext context = planning(out, plan.traits);
  while (at.next_step < recipe.steps.size()) {
    // Weights are lazy, and no copy holds them.
    std::optional<PassProgress> before;
    if (!out.calibrated) before = at;
    LAP_RETURN_IF_ERROR(run_step(recipe, out.name, context, at));
    if (before && out.calibrated) out.before_ranges = std::move(before);
  }
  drop_calibration_graphs(at.graphs);
  LAP_ASSIGN_OR_RETURN(out.fixed_model,
                       fixed_model(recipe, out.name, checkpoint.config, at.graphs, plan.traits));
  LAP_RETURN_IF_ERROR(take_graphs(std::move(at), out));
  out.key = component_key(out, recipe, plan.source_hash, checkpoint);
  return out;
}

}  // namespace

Result<std::shared_ptr<const quant::Moments>> no_moments(const passes::MomentRequest& /*request*/) {
  return std::make_shared<const quant::Moments>();
}

int64_t PlannedComponent::data_bytes() const {
  int64_t out = 0;
  for (const PlannedGraph& each : graphs) out += each.data_bytes;
  return out;
}

int64_t PlannedComponent::nodes() const {
  int64_t out = 0;
  for (const PlannedGraph& each : graphs) out += static_cast<int64_t>(each.graph.nodes.size());
  return out;
}

Result<PlannedComponent> with_ranges(PlannedComponent component, const recipe::Recipe& recipe,
                                     const passes::PassContext& context) {
  if (!component.before_ranges) return internal_error(component.name, "asks for no ranges");
  PassProgress at = *std::exchange(component.before_ranges, std::nullopt);
  while (at.next_step < recipe.steps.size()) {
    LAP_RETURN_IF_ERROR(run_step(recipe, component.name, context, at));
  }
  drop_calibration_graphs(at.graphs);
  LAP_RETURN_IF_ERROR(take_graphs(std::move(at), component));
  return component;
}

Result<Plan> make_plan(const recipe::Recipe& recipe, const checkpoint::Checkpoint& checkpoint,
                       const std::optional<target::Target>& chip) {
  Plan out;
  LAP_ASSIGN_OR_RETURN(out.traits, target::traits_of(chip));
  LAP_ASSIGN_OR_RETURN(out.source_hash, checkpoint.source_hash());
  for (const ComponentBuilder& builder : component_builders()) {
    if (!builder.is_part_of(checkpoint.config)) continue;
    LAP_ASSIGN_OR_RETURN(PlannedComponent component,
                         plan_component(builder, recipe, checkpoint, out));
    out.components.push_back(std::move(component));
  }
  return out;
}

}  // namespace lapidary::build
