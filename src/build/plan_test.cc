// Plans of the tiny model's calibrated components, and what ranges make of them.
#include "build/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "checkpoint/test_files.h"
#include "graph/onnx_writer.h"

namespace lapidary::build {
namespace {

using ::testing::ElementsAre;

recipe::Recipe quantized() {
  return recipe::load_recipe("htp-w8a16", {"static.context_length=256", "static.prefill_length=32",
                                           "static.calibration_length=64"})
      .value();
}

Plan plan_of(const recipe::Recipe& recipe) {
  const auto source = checkpoint::Checkpoint::open(checkpoint::tiny_checkpoint()).value();
  return make_plan(recipe, source, target::resolve("v81", "").value()).value();
}

bool quantizes(const graph::Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [](const graph::Node& node) { return node.op_type == "QuantizeLinear"; });
}

// Gives every value the same range; remembers whether it was asked about float graphs.
struct Ranges {
  quant::Range range;
  int asked = 0;
  bool float_graphs = true;

  passes::PassContext context(const Plan& plan) {
    return {
        .calibrate = [this](const passes::CalibrationRequest& request) -> Result<quant::Ranges> {
          ++asked;
          float_graphs = float_graphs && !quantizes(request.graph);
          quant::Ranges out;
          for (const std::string& value : request.values) {
            LAP_RETURN_IF_ERROR(out.set(value, range));
          }
          return out;
        },
        .moments = no_moments,
        .traits = plan.traits};
  }
};

std::vector<std::string> printed(const PlannedComponent& component) {
  std::vector<std::string> out;
  for (const PlannedGraph& each : component.graphs) {
    out.push_back(each.record.file + "\n" + graph::print(each.graph));
  }
  return out;
}

std::vector<std::string> reported(const PlannedComponent& component) {
  std::vector<std::string> out;
  for (const PassReport& each : component.passes) {
    out.push_back(each.name + " " + std::to_string(each.rewritten) + " " +
                  std::to_string(each.declined.size()));
  }
  return out;
}

TEST(Plan, KeepsWhatStandsBeforeRanges) {
  std::vector<std::string> calibrated;
  for (const PlannedComponent& each : plan_of(quantized()).components) {
    EXPECT_EQ(each.before_ranges.has_value(), each.calibrated) << each.name;
    if (!each.calibrated) continue;
    calibrated.push_back(each.name);
    for (const auto& member : each.before_ranges->graphs) EXPECT_FALSE(quantizes(member.graph));
    for (const PlannedGraph& graph : each.graphs) EXPECT_TRUE(quantizes(graph.graph));
  }
  EXPECT_THAT(calibrated, ElementsAre("vision_encoder", "audio_encoder", "decoder"));
}

// Passes that run twice on one graph, or a pass left out, would show in the graphs.
TEST(Plan, WithTheRangesOfThePlanGivesThePlanAgain) {
  const recipe::Recipe recipe = quantized();
  const Plan plan = plan_of(recipe);
  for (const PlannedComponent& planned : plan.components) {
    if (!planned.calibrated) continue;
    Ranges made_up{{-1.2345678F, 1.2345678F}};
    const auto again = with_ranges(planned, recipe, made_up.context(plan));
    ASSERT_TRUE(again.ok()) << again.error().message();
    EXPECT_GT(made_up.asked, 0) << planned.name;
    EXPECT_TRUE(made_up.float_graphs) << planned.name;
    EXPECT_EQ(printed(*again), printed(planned)) << planned.name;
    EXPECT_EQ(reported(*again), reported(planned)) << planned.name;
    EXPECT_EQ(again->key, planned.key);
    EXPECT_TRUE(again->calibrated);
  }
}

// Ranges that never reach the encodings.
TEST(Plan, OtherRangesMakeOtherGraphsOfTheSameBytes) {
  const recipe::Recipe recipe = quantized();
  const Plan plan = plan_of(recipe);
  const PlannedComponent& planned = plan.components.front();
  Ranges found{{-7, 5}};
  const auto made = with_ranges(planned, recipe, found.context(plan));
  ASSERT_TRUE(made.ok()) << made.error().message();
  // Not the same nodes: a Clip goes where an encoding saturates as it does.
  EXPECT_NE(printed(*made), printed(planned));
  EXPECT_EQ(made->data_bytes(), planned.data_bytes());
  EXPECT_EQ(made->key, planned.key);
}

TEST(Plan, WithoutCalibrationThereAreNoRangesToSet) {
  const recipe::Recipe recipe = recipe::load_recipe("cpu-fp32").value();
  const Plan plan = plan_of(recipe);
  Ranges unused{};
  const auto made = with_ranges(plan.components.front(), recipe, unused.context(plan));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::kInternal);
}

}  // namespace
}  // namespace lapidary::build
