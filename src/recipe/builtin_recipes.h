// The recipes that ship inside the program: recipes/*.json, embedded when it is built.
#pragma once

#include <string_view>
#include <vector>

namespace lapidary::recipe {

struct BuiltinRecipe {
  std::string_view name;  // "cpu-int4", of recipes/cpu-int4.json
  std::string_view json;
};

const std::vector<BuiltinRecipe>& builtin_recipes();

}  // namespace lapidary::recipe
