#include "recipe/workflow_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "recipe/olive_names.h"

namespace lapidary::recipe {
namespace {

class KeyReader {
 public:
  WorkflowKeys read(JsonReader& root) {
    input_model(root);
    engine(root);
    if (auto nested = root.optional_child("engine")) {
      engine(*nested);
      nested->reject_unknown();
    }
    systems(root);
    return std::move(out_);
  }

 private:
  void input_model(JsonReader& root) {
    JsonReader model = root.child("input_model");
    const std::string type = model.string("type");
    if (root.status().ok() && !same_type(type, "HfModel")) {
      model.fail("type", fmt::format("is '{}'", type), "only HfModel can be built",
                 ErrorKind::kUnsupported);
    }
    const auto read = [&](JsonReader& at) {
      if (auto path = at.optional_string("model_path")) out_.model_path = *std::move(path);
      for (const char* key : {"task", "load_kwargs", "io_config", "model_attributes",
                              "test_model_config", "custom_task_class_name"}) {
        pass_over(at, key, out_.notes);
      }
      if (at.has("adapter_path")) {
        at.fail("adapter_path", "is set", "merge the adapter into the checkpoint first",
                ErrorKind::kUnsupported);
      }
      at.ignore({"adapter_path"});
    };
    read(model);
    if (auto config = model.optional_child("config")) {
      read(*config);
      config->reject_unknown();
    }
    model.reject_unknown();
  }

  // Keys of Olive's engine section, which may also stand at the top level.
  void engine(JsonReader& at) {
    if (auto dir = at.optional_string("output_dir")) out_.output_dir = *std::move(dir);
    const Json& search = at.raw("search_strategy");
    if (!search.is_null() && search != Json(false)) {
      at.fail("search_strategy", "is set", "search is not supported: give every option one value",
              ErrorKind::kUnsupported);
    }
    target(at, "target");
    at.ignore({"host", "log_severity_level", "ort_log_severity_level", "ort_py_log_severity_level",
               "no_artifacts", "plot_pareto_frontier", "evaluate_input_model", "log_to_file"});
    for (const char* key : {"evaluator", "packaging_config", "cache_config", "cache_dir",
                            "clean_cache", "clean_evaluation_cache", "enable_shared_cache"}) {
      pass_over(at, key, out_.notes);
    }
  }

  // A system by name (see `systems`) or in place.
  void target(JsonReader& at, const std::string& key) {
    if (!at.raw(key).is_object()) return;
    if (auto system = at.optional_child(key)) check_system(*system);
  }

  void systems(JsonReader& root) {
    auto systems = root.optional_child("systems");
    if (!systems) return;
    for (const auto& [name, value] : systems->json().items()) {
      if (auto system = systems->optional_child(name)) check_system(*system);
    }
  }

  // A package for another device than the CPU must not silently become one for the CPU.
  void check_system(JsonReader& system) {
    const auto check = [&](JsonReader& at) {
      const Json& accelerators = at.raw("accelerators");
      if (!accelerators.is_array()) return;
      for (const Json& accelerator : accelerators) {
        if (!accelerator.is_object() || !accelerator.contains("execution_providers")) continue;
        for (const Json& provider : accelerator["execution_providers"]) {
          if (provider == Json("QNNExecutionProvider")) {
            out_.for_htp = true;
          } else if (provider != Json("CPUExecutionProvider")) {
            at.fail("accelerators", "asks for " + provider.dump().substr(0, 60),
                    "packages are built for CPUExecutionProvider or QNNExecutionProvider",
                    ErrorKind::kUnsupported);
          }
        }
      }
    };
    check(system);
    if (auto config = system.optional_child("config")) check(*config);
  }

  WorkflowKeys out_;
};

}  // namespace

void pass_over(JsonReader& parent, const char* key, std::vector<std::string>& notes) {
  const Json& value = parent.raw(key);
  if (value.is_null() || value == Json(false) || value == Json::array()) return;
  const std::string path = parent.path().empty() ? key : fmt::format("{}.{}", parent.path(), key);
  if (path != "workflow_id") notes.push_back(fmt::format("'{}' has no meaning here", path));
}

WorkflowKeys read_workflow_keys(JsonReader& root) { return KeyReader().read(root); }

}  // namespace lapidary::recipe
