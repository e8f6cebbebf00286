// What the manifest says of a decoder that StaticLLM has made.
#pragma once

#include <optional>

#include "checkpoint/config.h"
#include "package/manifest.h"
#include "passes/graph_set.h"
#include "recipe/recipe.h"

namespace lapidary::recipe {

// Nothing when no StaticLLM runs on the component. `graphs`: as all passes leave them.
std::optional<package::StaticModel> static_model(const Recipe& recipe, const std::string& component,
                                                 const checkpoint::Config& config,
                                                 const passes::GraphSet& graphs);

// What the attention masks of a recipe's static decoder add where nothing may be seen: target
// limits (target/record.h) say which number an encoding or float16 bears.
double masked_value(const Recipe& recipe, const std::string& component);

}  // namespace lapidary::recipe
