#include "package/manifest_checks.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace lapidary::package {
namespace {

using GraphKey = std::tuple<std::string, std::string, int64_t>;  // component, role, part

class ConsistencyCheck {
 public:
  ConsistencyCheck(const Manifest& manifest, std::string where)
      : manifest_(manifest), where_(std::move(where)) {}

  Status run() {
    LAP_RETURN_IF_ERROR(files());
    LAP_RETURN_IF_ERROR(components());
    LAP_RETURN_IF_ERROR(static_decoder());
    if (manifest_.htp) {
      LAP_RETURN_IF_ERROR(contexts("htp.device", manifest_.htp->device));
      LAP_RETURN_IF_ERROR(contexts("htp.emulated", manifest_.htp->emulated));
    }
    LAP_RETURN_IF_ERROR(section("vision", manifest_.vision.has_value(), "vision_encoder"));
    return section("audio", manifest_.audio.has_value(), "audio_encoder");
  }

 private:
  Error wrong(const std::string& key, const std::string& what) const {
    return bad_input(where_, "'" + key + "' " + what, "build the package again");
  }

  static std::string text(const GraphKey& key) {
    const auto& [component, role, part] = key;
    return "'" + component + (role == kModelRole ? "" : " " + role + " " + std::to_string(part)) +
           "'";
  }

  Status listed(const std::string& key, const std::string& file) const {
    if (files_.contains(file)) return {};
    return wrong(key, "uses '" + file + "', which 'files' does not list");
  }

  Status files() {
    for (const FileRecord& record : manifest_.files) {
      if (!files_.insert(record.path).second) {
        return wrong("files", "lists '" + record.path + "' twice");
      }
    }
    return {};
  }

  bool only_as_context(const Component& graph) const {
    if (graph.role == kModelRole || !manifest_.htp) return false;
    const auto is_it = [&](const ContextModel& context) {
      return context.component == graph.name && context.role == graph.role &&
             context.part == graph.part;
    };
    const HtpModel& htp = *manifest_.htp;
    return std::any_of(htp.device.begin(), htp.device.end(), is_it) ||
           std::any_of(htp.emulated.begin(), htp.emulated.end(), is_it);
  }

  Status components() {
    std::set<std::string> models;
    std::set<std::string> with_roles;
    for (const Component& component : manifest_.components) {
      const GraphKey key = {component.name, component.role, component.part};
      if (!graphs_.insert(key).second) {
        return wrong("components", "names " + text(key) + " twice");
      }
      if (!only_as_context(component)) {
        LAP_RETURN_IF_ERROR(listed("components", component.file));
      }
      const bool model = component.role == kModelRole;
      if (model && component.part != 0) {
        return wrong("components", "has a part of '" + component.name + "', which is one model");
      }
      (model ? models : with_roles).insert(component.name);
    }
    for (const std::string& name : with_roles) {
      if (models.contains(name)) {
        return wrong("components", "has '" + name + "' as one model and in roles");
      }
      if (name != "decoder") {
        return wrong("components", "has '" + name + "' in roles, which only a decoder has");
      }
    }
    return {};
  }

  Status static_decoder() const {
    const auto decode = manifest_.parts("decoder", kDecodeRole);
    const auto prefill = manifest_.parts("decoder", kPrefillRole);
    const bool built = !decode.empty() || !prefill.empty();
    if (built && !manifest_.static_model) {
      return wrong("static_model", "is missing, but 'components' has a decoder in roles");
    }
    if (!manifest_.static_model) return {};
    if (decode.empty() || prefill.empty()) {
      return wrong("static_model", "is there, but 'components' has no decoder of role " +
                                       std::string(decode.empty() ? "decode" : "prefill"));
    }
    for (const auto& parts : {decode, prefill}) {
      for (size_t i = 0; i < parts.size(); ++i) {
        if (parts[i]->part == static_cast<int64_t>(i)) continue;
        return wrong("components", "lacks " + text({"decoder", parts[i]->role, i}));
      }
    }
    if (prefill.size() > decode.size()) {
      return wrong("components", "has more parts of role prefill than of role decode");
    }
    std::set<std::string> kinds;
    for (const RotaryKind& kind : manifest_.static_model->rotary) {
      if (!kinds.insert(kind.kind).second) {
        return wrong("static_model.rotary", "names '" + kind.kind + "' twice");
      }
    }
    return {};
  }

  // A list may be empty: nothing was compiled for that device.
  Status contexts(const std::string& key, const std::vector<ContextModel>& list) const {
    std::set<GraphKey> found;
    for (const ContextModel& context : list) {
      const GraphKey graph = {context.component, context.role, context.part};
      if (!graphs_.contains(graph)) {
        return wrong(key, "has " + text(graph) + ", which 'components' has not");
      }
      if (!found.insert(graph).second) return wrong(key, "names " + text(graph) + " twice");
      LAP_RETURN_IF_ERROR(listed(key, context.file));
      LAP_RETURN_IF_ERROR(listed(key, context.binary));
    }
    if (list.empty()) return {};
    for (const GraphKey& graph : graphs_) {
      if (std::get<1>(graph) != kModelRole && !found.contains(graph)) {
        return wrong(key, "lacks " + text(graph));
      }
    }
    return {};
  }

  Status section(const std::string& key, bool there, const char* component) const {
    const bool built = manifest_.component(component) != nullptr;
    if (there && !built) {
      return wrong(key, std::string("is there, but 'components' has no ") + component);
    }
    if (built && !there) {
      return wrong(key, std::string("is missing, but 'components' has a ") + component);
    }
    return {};
  }

  const Manifest& manifest_;
  std::string where_;
  std::set<std::string> files_;
  std::set<GraphKey> graphs_;
};

}  // namespace

Status check_consistency(const Manifest& manifest, const std::string& where) {
  return ConsistencyCheck(manifest, where).run();
}

}  // namespace lapidary::package
