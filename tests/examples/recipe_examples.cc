// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "base/files.h"
#include "example.h"
#include "recipe/htp_form.h"
#include "recipe/overrides.h"
#include "recipe/recipe.h"

namespace lapidary::recipe {

Json htp_form_example(const Json& json) {
  // [recipe/htp_form.h]
  HtpForm form = htp_form(json);  // unchanged when the recipe compiles nothing for the HTP
  // [end]
  return form.recipe;
}

Status overrides_example(Json& json) {
  // [recipe/overrides.h]
  LAP_RETURN_IF_ERROR(apply_override(json, "static.context_length=512"));
  // [end]
  return {};
}

Status recipe_example(passes::GraphSet graphs, const passes::PassContext& context) {
  // [recipe/recipe.h]
  LAP_ASSIGN_OR_RETURN(Recipe recipe, load_recipe("cpu-int4"));  // or a path to a file
  for (const PassStep& step : recipe.steps) {
    const passes::BoundPass* pass = step.pass_for("decoder");
    if (pass == nullptr) continue;  // it leaves the decoder alone
    LAP_ASSIGN_OR_RETURN(passes::SetOutcome outcome, pass->run(std::move(graphs), context));
    graphs = std::move(outcome.graphs);
  }
  // [end]
  return {};
}

TEST(RecipeExamples, Overrides) {
  Json json = {{"passes", {{"static", {{"type", "StaticLLM"}}}}}};
  expect_ok(overrides_example(json));
  EXPECT_EQ(json["passes"]["static"]["context_length"], 512);
}

TEST(RecipeExamples, HtpFormLeavesOtherRecipesAlone) {
  const Json json = {{"passes", {{"build", {{"type", "MobiusBuilder"}}}}}};
  EXPECT_EQ(htp_form_example(json), json);
}

}  // namespace lapidary::recipe
