#include "package/manifest_checks.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "contract/component.h"
#include "contract/ports.h"

namespace lapidary::package {
namespace {

namespace ports = contract::ports;

constexpr const char* kVisionEncoder = name_of(contract::Component::kVisionEncoder);
constexpr const char* kAudioEncoder = name_of(contract::Component::kAudioEncoder);
constexpr const char* kDecoder = name_of(contract::Component::kDecoder);

using GraphKey = std::tuple<std::string, contract::Role, int64_t>;  // component, role, part

class ConsistencyCheck {
 public:
  ConsistencyCheck(const Manifest& manifest, std::string where)
      : manifest_(manifest), where_(std::move(where)) {}

  Status run() {
    LAP_RETURN_IF_ERROR(files());
    LAP_RETURN_IF_ERROR(components());
    LAP_RETURN_IF_ERROR(fixed_decoder());
    if (manifest_.htp) {
      LAP_RETURN_IF_ERROR(contexts("htp.device", manifest_.htp->device));
      LAP_RETURN_IF_ERROR(contexts("htp.emulated", manifest_.htp->emulated));
    }
    LAP_RETURN_IF_ERROR(section("vision", manifest_.vision.has_value(), kVisionEncoder));
    LAP_RETURN_IF_ERROR(section("audio", manifest_.audio.has_value(), kAudioEncoder));
    LAP_RETURN_IF_ERROR(fixed_vision_encoder());
    LAP_RETURN_IF_ERROR(fixed_audio_encoder());
    return measured();
  }

 private:
  Error wrong(const std::string& key, const std::string& what) const {
    return bad_input(where_, fmt::format("'{}' {}", key, what), "build the package again");
  }

  static std::string text(const GraphKey& key) {
    const auto& [component, role, part] = key;
    if (role == contract::Role::kModel) return fmt::format("'{}'", component);
    return fmt::format("'{} {} {}'", component, name_of(role), part);
  }

  Status listed(const std::string& key, const std::string& file) const {
    if (files_.contains(file)) return {};
    return wrong(key, fmt::format("uses '{}', which 'files' does not list", file));
  }

  Status files() {
    for (const FileRecord& record : manifest_.files) {
      if (!files_.insert(record.path).second) {
        return wrong("files", fmt::format("lists '{}' twice", record.path));
      }
    }
    return {};
  }

  // A compiler takes no other graph.
  bool has_fixed_lengths(const std::string& component, contract::Role role) const {
    if (role != contract::Role::kModel) return true;
    if (component == kVisionEncoder) return manifest_.vision && manifest_.vision->fixed_encoder;
    if (component == kAudioEncoder) return manifest_.audio && manifest_.audio->fixed_encoder;
    return false;
  }

  bool only_as_context(const GraphRecord& graph) const {
    if (!has_fixed_lengths(graph.name, graph.role) || !manifest_.htp) return false;
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
    for (const GraphRecord& component : manifest_.components) {
      const GraphKey key = {component.name, component.role, component.part};
      if (!graphs_.insert(key).second) {
        return wrong("components", fmt::format("names {} twice", text(key)));
      }
      if (!only_as_context(component)) {
        LAP_RETURN_IF_ERROR(listed("components", component.file));
      }
      const bool model = component.role == contract::Role::kModel;
      if (model && component.part != 0) {
        return wrong("components",
                     fmt::format("has a part of '{}', which is one model", component.name));
      }
      (model ? models : with_roles).insert(component.name);
    }
    for (const std::string& name : with_roles) {
      if (models.contains(name)) {
        return wrong("components", fmt::format("has '{}' as one model and in roles", name));
      }
      if (name != kDecoder) {
        return wrong("components",
                     fmt::format("has '{}' in roles, which only a decoder has", name));
      }
    }
    return {};
  }

  Status fixed_decoder() const {
    const auto decode = manifest_.parts(kDecoder, contract::Role::kDecode);
    const auto prefill = manifest_.parts(kDecoder, contract::Role::kPrefill);
    const bool built = !decode.empty() || !prefill.empty();
    if (built && !manifest_.fixed_model) {
      return wrong("static_model", "is missing, but 'components' has a decoder in roles");
    }
    if (!manifest_.fixed_model) return {};
    if (decode.empty() || prefill.empty()) {
      return wrong("static_model",
                   fmt::format("is there, but 'components' has no decoder of role {}",
                               name_of(decode.empty() ? contract::Role::kDecode
                                                      : contract::Role::kPrefill)));
    }
    for (const auto& parts : {decode, prefill}) {
      for (size_t i = 0; i < parts.size(); ++i) {
        if (parts[i]->part == static_cast<int64_t>(i)) continue;
        return wrong("components", fmt::format("lacks {}", text({kDecoder, parts[i]->role, i})));
      }
    }
    if (prefill.size() > decode.size()) {
      return wrong("components", "has more parts of role prefill than of role decode");
    }
    std::set<std::string> kinds;
    for (const RotaryKind& kind : manifest_.fixed_model->rotary) {
      if (!kinds.insert(kind.kind).second) {
        return wrong("static_model.rotary", fmt::format("names '{}' twice", kind.kind));
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
        return wrong(key, fmt::format("has {}, which 'components' has not", text(graph)));
      }
      if (!found.insert(graph).second)
        return wrong(key, fmt::format("names {} twice", text(graph)));
      if (!has_fixed_lengths(context.component, context.role)) {
        return wrong(key, fmt::format("has {}, whose lengths are not fixed", text(graph)));
      }
      LAP_RETURN_IF_ERROR(listed(key, context.file));
      LAP_RETURN_IF_ERROR(listed(key, context.binary));
    }
    if (list.empty()) return {};
    for (const GraphRecord& component : manifest_.components) {
      const GraphKey graph = {component.name, component.role, component.part};
      const bool elsewhere =
          component.role == contract::Role::kModel && files_.contains(component.file);
      if (!elsewhere && !found.contains(graph))
        return wrong(key, fmt::format("lacks {}", text(graph)));
    }
    return {};
  }

  // The port of an encoder must have `size` at `dim`, or the host feeds and reads other lengths.
  Status length(const char* key, const std::vector<Port>& ports, const std::string& name,
                size_t dim, int64_t size) const {
    const auto port = std::find_if(ports.begin(), ports.end(),
                                   [&](const Port& each) { return each.name == name; });
    const std::string at = fmt::format("'{}' of 'components'", name);
    if (port == ports.end()) return wrong(key, fmt::format("is there, but {} is not", at));
    if (port->shape.size() > dim && port->shape[dim] == std::to_string(size)) return {};
    const std::string has =
        port->shape.size() > dim ? fmt::format("'{}'", port->shape[dim]) : "none";
    return wrong(key, fmt::format("means {} for dim {} of {}, which has {}", size, dim, at, has));
  }

  // What has fixed lengths must say so: it is fed in another way.
  Status fixed_says_so(const char* key, const GraphRecord& encoder) const {
    for (const std::vector<Port>* ports : {&encoder.inputs, &encoder.outputs}) {
      for (const Port& port : *ports) {
        for (const std::string& dim : port.shape) {
          if (dim.find_first_not_of("0123456789") != std::string::npos) return {};
        }
      }
    }
    if (encoder.inputs.empty()) return {};
    return wrong(key, fmt::format("is missing, but '{}' has fixed lengths only", encoder.name));
  }

  Status fixed_vision_encoder() const {
    const GraphRecord* const encoder = manifest_.component(kVisionEncoder);
    if (encoder == nullptr) return {};
    const char* const key = "vision.static_encoder";
    if (!manifest_.vision->fixed_encoder) return fixed_says_so(key, *encoder);
    const int64_t tokens = manifest_.vision->fixed_encoder->soft_tokens;
    const int64_t side = manifest_.vision->pooling_kernel_size;
    LAP_RETURN_IF_ERROR(length(key, encoder->inputs, ports::kPixelValues, 1, tokens * side * side));
    return length(key, encoder->outputs, ports::kImageFeatures, 0, tokens);
  }

  Status fixed_audio_encoder() const {
    const GraphRecord* const encoder = manifest_.component(kAudioEncoder);
    if (encoder == nullptr) return {};
    const char* const key = "audio.static_encoder";
    if (!manifest_.audio->fixed_encoder) return fixed_says_so(key, *encoder);
    const int64_t tokens = manifest_.audio->fixed_encoder->soft_tokens;
    LAP_RETURN_IF_ERROR(length(key, encoder->inputs, ports::kInputFeatures, 1, 4 * tokens));
    return length(key, encoder->outputs, ports::kAudioFeatures, 0, tokens);
  }

  Status component_of(const char* key, const std::string& name) const {
    const bool known =
        std::any_of(manifest_.components.begin(), manifest_.components.end(),
                    [&](const GraphRecord& component) { return component.name == name; });
    if (known) return {};
    return wrong(key, fmt::format("has '{}', which 'components' has not", name));
  }

  // A figure given twice would leave open which one holds.
  Status measured() const {
    std::set<std::string> calibrated;
    for (const Calibration& entry : manifest_.calibration) {
      LAP_RETURN_IF_ERROR(component_of("calibration", entry.component));
      if (calibrated.insert(entry.component).second) continue;
      return wrong("calibration", fmt::format("has '{}' twice", entry.component));
    }
    std::set<std::pair<std::string, std::string>> compared;
    for (const Agreement& entry : manifest_.agreement) {
      LAP_RETURN_IF_ERROR(component_of("agreement", entry.component));
      if (compared.insert({entry.component, entry.output}).second) continue;
      return wrong("agreement",
                   fmt::format("has '{}' of '{}' twice", entry.output, entry.component));
    }
    std::set<std::tuple<std::string, std::string, std::string>> measured;
    for (const QualityFigure& entry : manifest_.quality) {
      if (measured.insert({entry.measure, entry.data, entry.device}).second) continue;
      return wrong("quality", fmt::format("has the {} of {} on {} twice", entry.measure, entry.data,
                                          entry.device));
    }
    return {};
  }

  Status section(const std::string& key, bool there, const char* component) const {
    const bool built = manifest_.component(component) != nullptr;
    if (there && !built) {
      return wrong(key, fmt::format("is there, but 'components' has no {}", component));
    }
    if (built && !there) {
      return wrong(key, fmt::format("is missing, but 'components' has a {}", component));
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
