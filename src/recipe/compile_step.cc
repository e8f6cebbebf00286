#include "recipe/compile_step.h"

#include <fmt/format.h>

#include <algorithm>

namespace lapidary::recipe {

Json CompileStep::to_json() const {
  return {{"components", components},
          {"provider_options", provider_options},
          {"weight_sharing", weight_sharing},
          {"emulation", emulation},
          {"embed_context", embed_context}};
}

bool CompileStep::compiles(const std::string& component) const {
  return std::find(components.begin(), components.end(), component) != components.end();
}

std::string context_name(const std::string& component, int64_t part,
                         const std::vector<contract::Role>& roles) {
  std::vector<std::string> names;
  names.reserve(roles.size());
  for (const contract::Role role : roles) names.emplace_back(name_of(role));
  return fmt::format("{} part {} ({})", component, part, fmt::join(names, ", "));
}

CompileStep read_compile_step(JsonReader& reader) {
  CompileStep out;
  if (auto options = reader.optional_child("provider_options")) {
    for (const auto& [key, value] : options->json().items()) {
      // Olive writes numbers as strings; either is meant.
      if (value.is_string()) {
        out.provider_options[key] = value.get<std::string>();
      } else if (value.is_number_integer() || value.is_boolean()) {
        out.provider_options[key] = value == Json(true)    ? "1"
                                    : value == Json(false) ? "0"
                                                           : value.dump();
      } else {
        options->fail(key, "must be a string");
      }
    }
  }
  out.weight_sharing = reader.boolean_or("weight_sharing", out.weight_sharing);
  out.emulation = reader.boolean_or("emulation", out.emulation);
  out.embed_context = reader.boolean_or("embed_context", out.embed_context);
  if (out.embed_context && out.weight_sharing) {
    reader.fail("embed_context", "is set together with weight_sharing",
                "a binary that several graphs share cannot lie inside one of them: unset either");
  }
  reader.boolean_or("convert_bq_to_lpbq", false);  // a pass in front of this one (htp_form.h)
  // Every node must run on the HTP unless the command line allows it by name.
  reader.ignore({"disable_cpu_fallback", "session_options", "save_as_external_data"});
  reader.reject_unknown();
  return out;
}

}  // namespace lapidary::recipe
