#include "package/manifest.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "package/measured.h"

namespace lapidary::package {
namespace {

Json shape_to_json(const std::vector<std::string>& shape) {
  Json out = Json::array();
  for (const std::string& dim : shape) {
    int64_t number = 0;
    const char* end = dim.data() + dim.size();
    const auto [rest, error] = std::from_chars(dim.data(), end, number);
    const bool whole = error == std::errc() && rest == end && number >= 0;
    whole ? out.push_back(number) : out.push_back(dim);  // digits that do not fit are a name
  }
  return out;
}

Json to_json(const TextModel& text) {
  Json caches = Json::array();
  for (const CacheSpec& cache : text.caches) {
    caches.push_back({{"layer", cache.layer},
                      {"kv_heads", cache.kv_heads},
                      {"head_dim", cache.head_dim},
                      {"sliding", cache.sliding}});
  }
  Json out = {{"vocab_size", text.vocab_size},
              {"hidden_size", text.hidden_size},
              {"per_layer_width", text.per_layer_width},
              {"sliding_window", text.sliding_window},
              {"max_positions", text.max_positions},
              {"pad_token_id", text.pad_token_id},
              {"vision_bidirectional_attention", text.vision_bidirectional_attention},
              {"caches", std::move(caches)}};
  if (text.embedded_ids) out["embedded_ids"] = *text.embedded_ids;
  return out;
}

Json to_json(const FixedEncoder& encoder) {
  return {{"soft_tokens", encoder.soft_tokens}, {"masked", encoder.masked}};
}

Json to_json(const VisionModel& vision) {
  Json out = {{"image_token_id", vision.image_token_id},
              {"video_token_id", vision.video_token_id},
              {"boi_token_id", vision.boi_token_id},
              {"eoi_token_id", vision.eoi_token_id},
              {"pooling_kernel_size", vision.pooling_kernel_size}};
  if (vision.fixed_encoder) out["static_encoder"] = to_json(*vision.fixed_encoder);
  return out;
}

Json to_json(const AudioModel& audio) {
  Json out = {{"audio_token_id", audio.audio_token_id},
              {"boa_token_id", audio.boa_token_id},
              {"eoa_token_id", audio.eoa_token_id},
              {"attention_chunk_size", audio.attention_chunk_size},
              {"attention_past", audio.attention_past},
              {"attention_future", audio.attention_future}};
  if (audio.fixed_encoder) out["static_encoder"] = to_json(*audio.fixed_encoder);
  return out;
}

Json to_json(const std::vector<Port>& ports) {
  Json out = Json::array();
  for (const Port& port : ports) {
    Json entry = {{"name", port.name}, {"dtype", port.dtype}, {"shape", shape_to_json(port.shape)}};
    if (port.optional) entry["optional"] = true;
    if (port.encoding) {
      entry["encoding"] = {{"scale", port.encoding->scale},
                           {"zero_point", port.encoding->zero_point}};
    }
    out.push_back(std::move(entry));
  }
  return out;
}

Json to_json(const GraphRecord& component) {
  Json tensors = Json::array();
  for (const TensorRecord& tensor : component.tensors) {
    Json entry = {{"name", tensor.name},
                  {"dtype", tensor.dtype},
                  {"shape", tensor.shape},
                  {"bytes", tensor.bytes}};
    if (!tensor.quantization.empty()) entry["quantization"] = tensor.quantization;
    tensors.push_back(std::move(entry));
  }
  Json out = {{"name", component.name},
              {"file", component.file},
              {"inputs", to_json(component.inputs)},
              {"outputs", to_json(component.outputs)},
              {"ops", component.ops},
              {"tensors", std::move(tensors)}};
  if (component.role != contract::Role::kModel) {
    out["role"] = name_of(component.role);
    out["part"] = component.part;
  }
  return out;
}

Json to_json(const FixedModel& model) {
  Json rotary = Json::array();
  for (const RotaryKind& kind : model.rotary) {
    rotary.push_back({{"kind", kind.kind}, {"inv_freq", kind.inv_freq}});
  }
  return {{"context_length", model.context_length},
          {"prefill_length", model.prefill_length},
          {"masked", model.masked},
          {"host_logit_softcap", model.host_logit_softcap},
          {"rotary", std::move(rotary)}};
}

Json to_json(const std::vector<ContextModel>& contexts) {
  Json out = Json::array();
  for (const ContextModel& context : contexts) {
    out.push_back({{"component", context.component},
                   {"role", name_of(context.role)},
                   {"part", context.part},
                   {"file", context.file},
                   {"binary", context.binary}});
  }
  return out;
}

Json to_json(const HtpModel& htp) {
  return {{"arch", htp.arch},
          {"soc", htp.soc},
          {"soc_model", htp.soc_model},
          {"onnxruntime_qnn", htp.onnxruntime_qnn},
          {"qnn", htp.qnn},
          {"device", to_json(htp.device)},
          {"emulated", to_json(htp.emulated)}};
}

Json to_json(const QualityFigure& figure) {
  return {{"measure", figure.measure},
          {"data", figure.data},
          {"device", figure.device},
          {"count", figure.count},
          {"value", figure.value}};
}

Json to_json(const AdapterRecord& adapter) {
  return {{"name", adapter.name}, {"weight", adapter.weight}, {"xxh3", adapter.xxh3}};
}

// Nothing, when the list is empty.
template <typename T>
void add_list(Json& to, const char* key, const std::vector<T>& list) {
  if (list.empty()) return;
  to[key] = Json::array();
  for (const T& entry : list) to[key].push_back(to_json(entry));
}

}  // namespace

const GraphRecord* Manifest::component(const std::string& name) const {
  const std::vector<const GraphRecord*> found = parts(name, contract::Role::kModel);
  return found.size() == 1 ? found[0] : nullptr;
}

bool Manifest::lists(const std::string& path) const {
  return std::any_of(files.begin(), files.end(),
                     [&](const FileRecord& file) { return file.path == path; });
}

std::vector<const GraphRecord*> Manifest::parts(const std::string& name,
                                                contract::Role role) const {
  std::vector<const GraphRecord*> out;
  for (const GraphRecord& each : components) {
    if (each.name == name && each.role == role) out.push_back(&each);
  }
  std::sort(out.begin(), out.end(),
            [](const GraphRecord* a, const GraphRecord* b) { return a->part < b->part; });
  return out;
}

Json to_json(const Manifest& manifest) {
  Json components = Json::array();
  for (const GraphRecord& component : manifest.components) components.push_back(to_json(component));
  Json files = Json::array();
  for (const FileRecord& file : manifest.files) {
    files.push_back({{"path", file.path}, {"size", file.size}, {"xxh3", file.xxh3}});
  }
  Json out = {{"format_version", manifest.format_version},
              {"lapidary_version", manifest.lapidary_version},
              {"recipe_name", manifest.recipe_name},
              {"recipe", manifest.recipe},
              {"source", manifest.source},
              {"sources", manifest.sources},
              {"text", to_json(manifest.text)}};
  add_list(out, "adapters", manifest.adapters);
  if (!manifest.notes.empty()) out["notes"] = manifest.notes;
  if (manifest.vision) out["vision"] = to_json(*manifest.vision);
  if (manifest.audio) out["audio"] = to_json(*manifest.audio);
  if (manifest.fixed_model) out["static_model"] = to_json(*manifest.fixed_model);
  if (manifest.htp) out["htp"] = to_json(*manifest.htp);
  add_list(out, "calibration", manifest.calibration);
  add_list(out, "agreement", manifest.agreement);
  add_list(out, "quality", manifest.quality);
  out["components"] = std::move(components);
  out["files"] = std::move(files);
  return out;
}

}  // namespace lapidary::package
