#include "recipe/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/glob.h"
#include "base/input_file.h"
#include "contract/component.h"
#include "recipe/builtin_recipes.h"
#include "recipe/htp_form.h"
#include "recipe/olive_names.h"
#include "recipe/overrides.h"
#include "recipe/workflow_keys.h"

namespace lapidary::recipe {
namespace {

constexpr const char* kCalibratingType = "OnnxStaticQuantization";

std::string component_names() {
  std::vector<std::string> names;
  names.reserve(contract::kComponents.size());
  for (const contract::Component each : contract::kComponents) names.emplace_back(name_of(each));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string pass_names() {
  std::vector<std::string> names = {kBuilderType};
  for (const passes::PassEntry& entry : passes::registry()) names.emplace_back(entry.type);
  names.emplace_back(kCompileType);
  names.emplace_back(kComposeType);
  return fmt::format("{}", fmt::join(names, ", "));
}

const passes::PassEntry* find_entry(const std::string& type) {
  for (const passes::PassEntry& entry : passes::registry()) {
    if (same_type(entry.type, type)) return &entry;
  }
  return nullptr;
}

class RecipeParser {
 public:
  // `json`: in the form for the HTP, where the recipe compiles for it.
  RecipeParser(const Json& json, const RecipeSource& source)
      : json_(json), base_(source.base), error_(std::make_shared<std::optional<Error>>()) {
    out_.name = source.name;
    out_.where = source.where;
  }

  Result<Recipe> parse() {
    JsonReader root = reader(json_, "");
    WorkflowKeys keys = read_workflow_keys(root);
    out_.model_path = std::move(keys.model_path);
    out_.output_dir = std::move(keys.output_dir);
    out_.notes.insert(out_.notes.end(), keys.notes.begin(), keys.notes.end());
    passes(root);
    data_configs(root);
    for (const char* key : {"workflow_id", "evaluators"}) pass_over(root, key, out_.notes);
    if (keys.for_htp && !out_.compile) {
      root.fail("systems", "asks for QNNExecutionProvider, and no pass compiles for it",
                fmt::format("add a pass of type {}", kCompileType));
    }
    root.reject_unknown("see docs/recipes.md for the keys of a recipe");
    LAP_RETURN_IF_ERROR(root.status());
    return std::move(out_);
  }

 private:
  JsonReader reader(const Json& object, const std::string& path) {
    return {&object, path, error_, out_.where};
  }

  void passes(JsonReader& root) {
    JsonReader list = root.child("passes");
    bool first = true;
    for (const auto& [name, value] : list.json().items()) {
      // Olive takes a list of alternatives to search through; a list of one is that one.
      const Json* entry = &value;
      if (value.is_array() && value.size() == 1) entry = &value[0];
      if (!entry->is_object()) {
        list.fail(name, value.is_array() ? "lists several passes" : "must be an object",
                  "search is not supported: give one pass");
        return;
      }
      JsonReader pass = reader(*entry, list.path() + "." + name);
      const std::string type = pass.string("type");
      if (same_type(type, kBuilderType)) {
        builder(pass, first);
      } else if (same_type(type, kCompileType)) {
        compile(pass, name);
      } else if (same_type(type, kComposeType)) {
        compose(pass);
      } else {
        step(pass, name, type);
      }
      first = false;
    }
  }

  // Read when a pass calibrates. Olive takes a list, or an object by name.
  void data_configs(JsonReader& root) {
    const bool wanted = std::any_of(out_.steps.begin(), out_.steps.end(), [](const PassStep& step) {
      return step.type == kCalibratingType;
    });
    if (!wanted) return pass_over(root, "data_configs", out_.notes);
    const Json& configs = root.raw("data_configs");
    if (configs.is_null()) return;
    if (!configs.is_array() && !configs.is_object()) {
      return root.fail("data_configs", "must be a list");
    }
    for (const auto& [key, value] : configs.items()) {
      const std::string path = "data_configs." + key;
      if (!value.is_object()) return root.fail(path, "must be an object");
      JsonReader entry = reader(value, path);
      out_.data_configs.push_back(calibration::read_data_config(entry, base_));
      if (out_.data_configs.back().name.empty()) out_.data_configs.back().name = key;
    }
  }

  void builder(JsonReader& pass, bool first) {
    if (!first) pass.fail("type", "builds the graphs, so it must come first");
    const Json options = base_options(pass);
    JsonReader bind = reader(options, pass.path());
    out_.build = read_build_step(bind);
  }

  void compile(JsonReader& pass, const std::string& name) {
    if (out_.compile) pass.fail("type", "is in the recipe twice");
    const std::vector<std::string> components = selected_components(pass);
    const Json options = base_options(pass);
    pass.ignore({"components"});
    JsonReader bind = reader(options, pass.path());
    CompileStep step = read_compile_step(bind);
    step.name = name;
    step.components = components;
    out_.compile = std::move(step);
  }

  // Every package is composed; the pass says so and has nothing to choose.
  void compose(JsonReader& pass) {
    const Json options = base_options(pass);
    JsonReader bind = reader(options, pass.path());
    bind.ignore({"save_as_external_data"});
    bind.reject_unknown();
  }

  void common_keys(JsonReader& pass) {
    pass.ignore({"type", "host"});
    pass_over(pass, "evaluator", out_.notes);
  }

  void step(JsonReader& pass, const std::string& name, const std::string& type) {
    if (!pass.status().ok()) return;
    const passes::PassEntry* entry = find_entry(type);
    if (entry == nullptr) {
      pass.fail("type", fmt::format("is '{}', which is not a known pass", type),
                "known passes: " + pass_names(), ErrorKind::kUnsupported);
      return;
    }
    if (out_.compile) {
      pass.fail("type", fmt::format("is '{}' and stands behind {}", type, kCompileType),
                "context binaries are made of the graphs when all other passes are done");
      return;
    }
    const std::vector<std::string> components = selected_components(pass);
    const Json options = base_options(pass);
    const std::map<std::string, Json> overrides = component_options(pass, components);
    PassStep step{name, entry->type, {}};
    for (const std::string& component : components) {
      Json merged = options;
      std::string path = pass.path();
      if (const auto it = overrides.find(component); it != overrides.end()) {
        for (const auto& [key, value] : it->second.items()) merged[key] = value;
        path += " for " + component;
      }
      JsonReader bind = reader(merged, path);
      step.bound.emplace(component, entry->bind(bind));
    }
    if (pass.status().ok()) out_.steps.push_back(std::move(step));
  }

  // The options of the pass itself: the object, or what it keeps under "config", without the keys
  // that every pass has.
  Json base_options(JsonReader& pass) {
    Json out = Json::object();
    for (const auto& [key, value] : pass.json().items()) {
      const bool common = key == "type" || key == "host" || key == "evaluator" ||
                          key == "components" || key == "component_options" || key == "config";
      if (!common) out[key] = value;
    }
    common_keys(pass);
    if (auto config = pass.optional_child("config")) {
      for (const auto& [key, value] : config->json().items()) out[key] = value;
    }
    return out;
  }

  std::vector<std::string> selected_components(JsonReader& pass) {
    const std::vector<std::string> globs = pass.strings("components");
    std::vector<std::string> out;
    for (const contract::Component each : contract::kComponents) {
      const bool selected = !pass.has("components") ||
                            std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
                              return glob_match(glob, name_of(each));
                            });
      if (selected) out.emplace_back(name_of(each));
    }
    for (const std::string& glob : globs) {
      if (std::none_of(out.begin(), out.end(),
                       [&](const std::string& name) { return glob_match(glob, name); })) {
        pass.fail("components", fmt::format("holds '{}', which matches no component", glob),
                  "components: " + component_names());
      }
    }
    return out;
  }

  std::map<std::string, Json> component_options(JsonReader& pass,
                                                const std::vector<std::string>& components) {
    std::map<std::string, Json> out;
    auto options = pass.optional_child("component_options");
    if (!options) return out;
    for (const auto& [name, value] : options->json().items()) {
      if (std::find(components.begin(), components.end(), name) == components.end()) {
        options->fail(name, "is no component that this pass runs on",
                      "components: " + component_names());
      } else if (!value.is_object()) {
        options->fail(name, "must be an object");
      } else {
        out[name] = value;
      }
    }
    return out;
  }

  const Json& json_;
  std::filesystem::path base_;
  std::shared_ptr<std::optional<Error>> error_;
  Recipe out_;
};

}  // namespace

const passes::BoundPass* PassStep::pass_for(const std::string& component) const {
  const auto it = bound.find(component);
  return it == bound.end() ? nullptr : &it->second;
}

const passes::BoundPass* Recipe::pass_of_type(const std::string& type,
                                              const std::string& component) const {
  for (const PassStep& step : steps) {
    if (step.type == type && step.pass_for(component) != nullptr) return step.pass_for(component);
  }
  return nullptr;
}

Result<Recipe> parse_recipe(std::string_view text, const RecipeSource& source) {
  LAP_ASSIGN_OR_RETURN(Json json, parse_json(text, source.where));
  if (!json.is_object()) return bad_input(source.where, "a recipe must be a JSON object");
  for (const std::string& each : source.overrides) {
    LAP_RETURN_IF_ERROR(apply_override(json, each));
  }
  HtpForm form = htp_form(json);
  LAP_ASSIGN_OR_RETURN(Recipe recipe, RecipeParser(form.recipe, source).parse());
  recipe.json = std::move(json);
  recipe.notes.insert(recipe.notes.end(), form.notes.begin(), form.notes.end());
  return recipe;
}

Result<Recipe> load_recipe(const std::string& name_or_file,
                           const std::vector<std::string>& overrides) {
  std::vector<std::string> names;
  for (const BuiltinRecipe& builtin : builtin_recipes()) {
    if (name_or_file == builtin.name) {
      return parse_recipe(builtin.json, {.name = name_or_file,
                                         .where = "built-in recipe " + name_or_file,
                                         .overrides = overrides});
    }
    names.emplace_back(builtin.name);
  }
  const std::filesystem::path path(name_or_file);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return bad_input(name_or_file, "is neither a file nor a built-in recipe",
                     fmt::format("built-in recipes: {}", fmt::join(names, ", ")));
  }
  LAP_ASSIGN_OR_RETURN(const std::string text, read_file(path, kMostJsonBytes));
  return parse_recipe(text, {.name = path.stem().string(),
                             .where = path.string(),
                             .base = path.parent_path(),
                             .overrides = overrides});
}

}  // namespace lapidary::recipe
