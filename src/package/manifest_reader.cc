#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "package/manifest.h"
#include "package/manifest_checks.h"

namespace lapidary::package {
namespace {

constexpr const char* kRebuild = "build the package again";
constexpr int64_t kLongestContext = 1 << 20;

// Readers over the elements of arrays, which JsonReader alone does not give.
class ManifestReader {
 public:
  ManifestReader(const Json& json, std::string where)
      : json_(json), where_(std::move(where)), error_(std::make_shared<std::optional<Error>>()) {}

  Result<Manifest> read() {
    if (!json_.is_object()) return bad_input(where_, "must be an object", kRebuild);
    JsonReader root(&json_, "", error_, where_);
    Manifest out;
    out.format_version = static_cast<int>(root.integer("format_version", {.min = 0}));
    const bool known =
        kOldestFormatVersion <= out.format_version && out.format_version <= kFormatVersion;
    if (root.status().ok() && !known) {
      return unsupported(where_,
                         "'format_version' is " + std::to_string(out.format_version) +
                             ", this program reads " + std::to_string(kOldestFormatVersion) +
                             " to " + std::to_string(kFormatVersion),
                         "build the package again with this version of lapidary");
    }
    out.lapidary_version = root.string("lapidary_version");
    out.recipe_name = root.string("recipe_name");
    out.recipe = root.raw("recipe");
    out.source = root.string("source");
    JsonReader sources = root.child("sources");
    for (const auto& [file, hash] : sources.json().items()) {
      out.sources[file] = sources.string(file);
    }
    out.text = text(root.child("text"));
    if (auto section = root.optional_child("vision")) {
      out.vision = vision(*std::move(section), out.text.vocab_size);
    }
    if (auto section = root.optional_child("audio")) {
      out.audio = audio(*std::move(section), out.text.vocab_size);
    }
    if (auto section = root.optional_child("static_model")) {
      out.static_model = static_model(*std::move(section));
    }
    if (auto section = root.optional_child("htp")) out.htp = htp(*std::move(section));
    for (JsonReader& entry : elements(root, "components")) {
      out.components.push_back(component(entry));
    }
    for (JsonReader& entry : elements(root, "files")) out.files.push_back(file(entry));
    root.reject_unknown(kRebuild);
    LAP_RETURN_IF_ERROR(root.status());
    LAP_RETURN_IF_ERROR(check_consistency(out, where_));
    return out;
  }

 private:
  std::vector<JsonReader> elements(JsonReader& parent, const std::string& key) {
    const Json& array = parent.raw(key);
    std::vector<JsonReader> out;
    if (!array.is_array()) {
      parent.fail(key, "must be an array", kRebuild);
      return out;
    }
    const std::string path = parent.path().empty() ? key : parent.path() + "." + key;
    for (size_t i = 0; i < array.size(); ++i) {
      if (!array[i].is_object()) {
        parent.fail(key, "must hold objects", kRebuild);
        return {};
      }
      out.emplace_back(&array[i], path + "[" + std::to_string(i) + "]", error_, where_);
    }
    return out;
  }

  TextModel text(JsonReader reader) {
    TextModel out;
    out.vocab_size = reader.integer("vocab_size", {.min = 1});
    out.hidden_size = reader.integer("hidden_size", {.min = 1});
    out.per_layer_width = reader.integer("per_layer_width", {.min = 0});
    out.sliding_window = reader.integer("sliding_window", {.min = 0});
    out.max_positions = reader.integer("max_positions", {.min = 1});
    out.pad_token_id = reader.integer("pad_token_id", {.min = 0, .max = out.vocab_size - 1});
    out.vision_bidirectional_attention = reader.boolean("vision_bidirectional_attention");
    std::set<int64_t> layers;
    for (JsonReader& entry : elements(reader, "caches")) {
      CacheSpec cache;
      cache.layer = entry.integer("layer", {.min = 0});
      cache.kv_heads = entry.integer("kv_heads", {.min = 1});
      cache.head_dim = entry.integer("head_dim", {.min = 1});
      cache.sliding = entry.boolean("sliding");
      entry.reject_unknown(kRebuild);
      if (!layers.insert(cache.layer).second) entry.fail("layer", "appears twice", kRebuild);
      out.caches.push_back(cache);
    }
    reader.reject_unknown(kRebuild);
    return out;
  }

  VisionModel vision(JsonReader reader, int64_t vocab_size) {
    const IntegerRange token = {.min = -1, .max = vocab_size - 1};
    VisionModel out;
    out.image_token_id = reader.integer("image_token_id", {.min = 0, .max = vocab_size - 1});
    out.video_token_id = reader.integer("video_token_id", token);
    out.boi_token_id = reader.integer("boi_token_id", token);
    out.eoi_token_id = reader.integer("eoi_token_id", token);
    reader.reject_unknown(kRebuild);
    return out;
  }

  AudioModel audio(JsonReader reader, int64_t vocab_size) {
    const IntegerRange token = {.min = -1, .max = vocab_size - 1};
    AudioModel out;
    out.audio_token_id = reader.integer("audio_token_id", {.min = 0, .max = vocab_size - 1});
    out.boa_token_id = reader.integer("boa_token_id", token);
    out.eoa_token_id = reader.integer("eoa_token_id", token);
    reader.reject_unknown(kRebuild);
    return out;
  }

  std::vector<Port> ports(JsonReader& parent, const std::string& key) {
    std::vector<Port> out;
    for (JsonReader& entry : elements(parent, key)) {
      Port port;
      port.name = entry.string("name");
      port.dtype = entry.string("dtype");
      const Json& shape = entry.raw("shape");
      if (!shape.is_array()) entry.fail("shape", "must be an array", kRebuild);
      for (const Json& dim : shape) {
        if (dim.is_string()) {
          port.shape.push_back(dim.get<std::string>());
        } else if (dim.is_number_unsigned()) {
          port.shape.push_back(std::to_string(dim.get<uint64_t>()));
        } else {
          entry.fail("shape", "must hold numbers and names", kRebuild);
        }
      }
      port.optional = entry.boolean_or("optional", false);
      if (auto encoding = entry.optional_child("encoding")) {
        port.encoding =
            PortEncoding{encoding->number("scale", {.min = 0}), encoding->integer("zero_point")};
        if (port.encoding->scale == 0) encoding->fail("scale", "is 0", kRebuild);
        encoding->reject_unknown(kRebuild);
      }
      entry.reject_unknown(kRebuild);
      out.push_back(std::move(port));
    }
    return out;
  }

  StaticModel static_model(JsonReader reader) {
    StaticModel out;
    out.context_length = reader.integer("context_length", {.min = 2, .max = kLongestContext});
    out.prefill_length =
        reader.integer("prefill_length", {.min = 1, .max = out.context_length - 1});
    out.masked = reader.number("masked", {.max = 0});
    if (out.masked == 0) reader.fail("masked", "is 0, which hides nothing", kRebuild);
    out.host_logit_softcap = reader.number("host_logit_softcap", {.min = 0});
    for (JsonReader& entry : elements(reader, "rotary")) {
      RotaryKind kind;
      kind.kind = entry.string("kind");
      for (const double frequency : entry.numbers("inv_freq")) {
        kind.inv_freq.push_back(static_cast<float>(frequency));
      }
      if (kind.inv_freq.empty()) entry.fail("inv_freq", "is empty", kRebuild);
      entry.reject_unknown(kRebuild);
      out.rotary.push_back(std::move(kind));
    }
    reader.reject_unknown(kRebuild);
    return out;
  }

  HtpModel htp(JsonReader reader) {
    HtpModel out;
    out.arch = reader.string("arch");
    out.soc = reader.string("soc");
    out.soc_model = reader.integer("soc_model", {.min = 0});
    out.onnxruntime_qnn = reader.string("onnxruntime_qnn");
    out.qnn = reader.string("qnn");
    out.device = contexts(reader, "device");
    out.emulated = contexts(reader, "emulated");
    reader.reject_unknown(kRebuild);
    return out;
  }

  std::vector<ContextModel> contexts(JsonReader& parent, const std::string& key) {
    std::vector<ContextModel> out;
    for (JsonReader& entry : elements(parent, key)) {
      ContextModel context;
      context.component = entry.string("component");
      context.role = entry.string("role");
      context.part = entry.integer("part", {.min = 0});
      context.file = relative_path(entry, "file");
      context.binary = relative_path(entry, "binary");
      entry.reject_unknown(kRebuild);
      out.push_back(std::move(context));
    }
    return out;
  }

  Component component(JsonReader& reader) {
    Component out;
    out.name = reader.string("name");
    out.role = reader.string_or("role", kModelRole);
    out.part = reader.integer_or("part", 0, {.min = 0});
    if (out.role != kModelRole && out.role != kPrefillRole && out.role != kDecodeRole) {
      reader.fail("role", "is '" + out.role + "'; known are model, prefill and decode", kRebuild);
    }
    out.file = relative_path(reader, "file");
    out.inputs = ports(reader, "inputs");
    out.outputs = ports(reader, "outputs");
    JsonReader ops = reader.child("ops");
    for (const auto& [op, count] : ops.json().items()) out.ops[op] = ops.integer(op, {.min = 0});
    for (JsonReader& entry : elements(reader, "tensors")) {
      TensorRecord tensor;
      tensor.name = entry.string("name");
      tensor.dtype = entry.string("dtype");
      tensor.shape = entry.integers("shape", {.min = 0});
      tensor.bytes = entry.integer("bytes", {.min = 0});
      tensor.quantization = entry.string_or("quantization", "");
      entry.reject_unknown(kRebuild);
      out.tensors.push_back(std::move(tensor));
    }
    reader.reject_unknown(kRebuild);
    return out;
  }

  FileRecord file(JsonReader& reader) {
    FileRecord out;
    out.path = relative_path(reader, "path");
    out.size = static_cast<uint64_t>(reader.integer("size", {.min = 0}));
    out.xxh3 = reader.string("xxh3");
    reader.reject_unknown(kRebuild);
    return out;
  }

  // A package must not make anyone read files outside its folder.
  std::string relative_path(JsonReader& reader, const std::string& key) {
    std::string out = reader.string(key);
    const std::filesystem::path path(out);
    bool inside = !path.is_absolute() && out.find('\0') == std::string::npos;
    for (const auto& part : path) inside = inside && part != "..";
    if (!inside) reader.fail(key, "leads outside the package", kRebuild);
    return out;
  }

  const Json& json_;
  std::string where_;
  std::shared_ptr<std::optional<Error>> error_;
};

}  // namespace

Result<Manifest> read_manifest(const std::filesystem::path& package) {
  const std::filesystem::path path = package / kManifestFile;
  std::error_code ignored;
  if (!std::filesystem::is_directory(package, ignored)) {
    return bad_input(package.string(), "is not a directory",
                     "give a package, the folder that `lapidary build` made");
  }
  if (!std::filesystem::exists(path, ignored)) {
    return bad_input(path.string(), "is missing", "is this a package of `lapidary build`?");
  }
  LAP_ASSIGN_OR_RETURN(const Json json, load_json(path));
  return ManifestReader(json, path.string()).read();
}

}  // namespace lapidary::package
