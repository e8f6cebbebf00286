#include "recipe/overrides.h"

#include <fmt/format.h>

namespace lapidary::recipe {

Status apply_override(Json& recipe, const std::string& text) {
  const std::string where = "--set " + text;
  const size_t equals = text.find('=');
  const size_t dot = text.find('.');
  if (equals == std::string::npos || dot == std::string::npos || dot == 0 || dot + 1 >= equals) {
    return bad_input(where, "is not of the form PASS.OPTION=VALUE",
                     "for example --set static.context_length=512");
  }
  const std::string name = text.substr(0, dot);
  const std::string option = text.substr(dot + 1, equals - dot - 1);
  const std::string value = text.substr(equals + 1);
  if (!recipe.is_object() || !recipe.contains("passes") || !recipe["passes"].is_object()) {
    return bad_input(where, "the recipe has no passes");
  }
  Json& passes = recipe["passes"];
  if (!passes.contains(name)) {
    std::vector<std::string> known;
    for (const auto& [key, unused] : passes.items()) known.push_back(key);
    return bad_input(where, fmt::format("the recipe has no pass '{}'", name),
                     fmt::format("its passes: {}", fmt::join(known, ", ")));
  }
  Json* pass = &passes[name];
  if (pass->is_array() && pass->size() == 1) pass = &(*pass)[0];
  if (!pass->is_object()) return bad_input(where, fmt::format("pass '{}' is no object", name));
  if (pass->contains("config") && (*pass)["config"].is_object()) pass = &(*pass)["config"];
  Json parsed = Json::parse(value, nullptr, false);
  (*pass)[option] = parsed.is_discarded() ? Json(value) : std::move(parsed);
  return {};
}

}  // namespace lapidary::recipe
