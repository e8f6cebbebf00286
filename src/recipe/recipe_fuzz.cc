// libFuzzer target: a recipe, a zero byte, and an override (`--set`), a zero byte, another one, ...
// A recipe that is accepted is accepted again as it was read, overrides in it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/testing/fuzz.h"
#include "recipe/recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace fuzzing = lapidary::fuzzing;
  namespace recipe = lapidary::recipe;
  auto [text, rest] = fuzzing::split(fuzzing::text_of(data, size));
  recipe::RecipeSource source{.name = "fuzz", .where = "fuzz.json", .base = "/recipes"};
  while (!rest.empty() && source.overrides.size() < 16) {
    const auto [override_text, more] = fuzzing::split(rest);
    source.overrides.emplace_back(override_text);
    rest = more;
  }
  const fuzzing::MemoryBound bound(size, 256);
  const auto read = recipe::parse_recipe(text, source);
  if (!fuzzing::accepted(read)) return 0;
  source.overrides.clear();
  const auto again = recipe::parse_recipe(read->json.dump(), source);
  fuzzing::require(again.ok(), "a recipe is refused as it was read");
  fuzzing::require(again->json == read->json && again->steps.size() == read->steps.size() &&
                       again->compile.has_value() == read->compile.has_value(),
                   "a recipe changed when it was written and read");
  return 0;
}
