#include "build/plan_report.h"

namespace lapidary::build {
namespace {

template <typename T, typename Form>
Json list(const std::vector<T>& items, const Form& form) {
  Json out = Json::array();
  for (const T& each : items) out.push_back(form(each));
  return out;
}

Json graph_json(const GraphCost& graph) {
  return {{"file", graph.file},
          {"role", name_of(graph.role)},
          {"part", graph.part},
          {"nodes", graph.nodes},
          {"weight_bytes", graph.weight_bytes},
          {"model_bytes", graph.model_bytes},
          {"bytes", graph.bytes()}};
}

Json component_json(const ComponentCost& component) {
  return {{"name", component.name},
          {"bytes", component.bytes()},
          {"ranges_bytes", component.ranges_bytes},
          {"graphs", list(component.graphs, graph_json)}};
}

Json context_json(const ContextCost& context) {
  return {{"name", context.name},
          {"component", context.component},
          {"part", context.part},
          {"nodes", context.nodes},
          {"weight_bytes", context.weight_bytes},
          {"bytes", context.binary_bytes},
          {"peak_resident_bytes", context.compile_bytes}};
}

Json split_json(const Split& split) {
  return {{"component", split.component},
          {"reason", split.reason},
          {"parts", list(split.parts, [](const SplitPart& part) -> Json {
             return {{"part", part.part},
                     {"layers", part.layers},
                     {"weight_bytes", part.weight_bytes},
                     {"receives", part.receives}};
           })}};
}

Json lowering_json(const Lowering& lowering) {
  return {{"component", lowering.component},
          {"by", lowering.by},
          {"op", lowering.op},
          {"nodes", lowering.nodes},
          {"example", lowering.example},
          {"reason", lowering.reason}};
}

Json objection_json(const Objection& objection) {
  return {{"component", objection.component},
          {"op", objection.op},
          {"verdict", target::name_of(objection.verdict)},
          {"rule", objection.rule},
          {"nodes", objection.nodes},
          {"example", objection.example},
          {"reason", objection.reason},
          {"remedy", objection.remedy}};
}

}  // namespace

Json to_json(const PlanReport& report) {
  return {{"recipe", report.recipe},
          {"chip", report.chip ? Json(target::name_of(*report.chip)) : Json(nullptr)},
          {"package_bytes", report.package_bytes()},
          {"other_bytes", report.other_bytes},
          {"components", list(report.components, component_json)},
          {"contexts", list(report.contexts, context_json)},
          {"build_memory",
           {{"saving", report.build.saving},
            {"calibrating", report.build.calibrating},
            {"peak_resident_bytes", report.build.peak()}}},
          {"compile_memory", {{"peak_resident_bytes", report.compile_bytes()}}},
          {"context_length", report.context_length},
          {"kv_bytes", report.kv_bytes},
          {"bytes_per_token",
           {{"decoder_weights", report.token.decoder_weights},
            {"kv_cache", report.token.kv_cache},
            {"embedding", report.token.embedding},
            {"total", report.token.total()}}},
          {"split", report.split ? split_json(*report.split) : Json(nullptr)},
          {"lowered", list(report.lowerings, lowering_json)},
          {"objections", list(report.objections, objection_json)}};
}

}  // namespace lapidary::build
