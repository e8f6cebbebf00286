# lapidary_embed_recipes(TARGET)
#
# Compiles recipes/*.json into TARGET, so that one binary suffices: see src/recipe/builtin_recipes.h.
function(lapidary_embed_recipes target)
  file(GLOB recipes CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/recipes/*.json)
  list(SORT recipes)
  set(out ${CMAKE_BINARY_DIR}/generated/builtin_recipes.cc)
  set(entries "")
  foreach(path ${recipes})
    get_filename_component(name ${path} NAME_WE)
    file(READ ${path} text)
    string(APPEND entries "    {\"${name}\", R\"recipe(${text})recipe\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  endforeach()
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
"// Generated from recipes/*.json by cmake/EmbedRecipes.cmake.
#include \"recipe/builtin_recipes.h\"

namespace lapidary::recipe {

const std::vector<BuiltinRecipe>& builtin_recipes() {
  static const std::vector<BuiltinRecipe> recipes = {
${entries}  };
  return recipes;
}

}  // namespace lapidary::recipe
")
  target_sources(${target} PRIVATE ${out})
endfunction()
