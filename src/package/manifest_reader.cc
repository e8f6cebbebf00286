#include <fmt/core.h>

#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "package/manifest.h"
#include "package/manifest_checks.h"
#include "package/manifest_graphs.h"
#include "package/measured.h"

namespace lapidary::package {
namespace {

constexpr int64_t kLongestContext = 1 << 20;
constexpr int64_t kMostSoftTokens = 1 << 14;  // of an encoder: far beyond any, and no overflow
constexpr int64_t kWidestKernel = 64;
constexpr int64_t kLongestChunk = 1 << 16;

class ManifestReader {
 public:
  ManifestReader(const Json& json, std::string where)
      : json_(json), where_(std::move(where)), error_(std::make_shared<std::optional<Error>>()) {}

  Result<Manifest> read() {
    if (!json_.is_object()) return bad_input(where_, "must be an object", kRebuild);
    JsonReader root(&json_, "", error_, where_);
    Manifest out;
    const int64_t version = root.integer("format_version", {.min = 0});
    const bool known = kOldestFormatVersion <= version && version <= kFormatVersion;
    if (root.status().ok() && !known) {
      return unsupported(where_,
                         fmt::format("'format_version' is {}, this program reads {} to {}", version,
                                     kOldestFormatVersion, kFormatVersion),
                         "build the package again with this version of lapidary");
    }
    out.format_version = static_cast<int>(version);
    out.lapidary_version = root.string("lapidary_version");
    out.recipe_name = root.string("recipe_name");
    out.recipe = root.raw("recipe");
    out.source = root.string("source");
    JsonReader sources = root.child("sources");
    for (const auto& [file, hash] : sources.json().items()) {
      out.sources[file] = sources.string(file);
    }
    for (JsonReader& entry : optional_objects(root, "adapters")) {
      out.adapters.push_back({.name = read_name(entry, "name"),
                              .weight = entry.number("weight"),
                              .xxh3 = read_name(entry, "xxh3")});
      entry.reject_unknown(kRebuild);
    }
    out.notes = root.strings("notes");
    out.text = text(root.child("text"));
    if (auto section = root.optional_child("vision")) {
      out.vision = vision(*std::move(section), out.text.vocab_size);
    }
    if (auto section = root.optional_child("audio")) {
      out.audio = audio(*std::move(section), out.text.vocab_size);
    }
    if (auto section = root.optional_child("static_model")) {
      out.fixed_model = fixed_model(*std::move(section));
    }
    if (auto section = root.optional_child("htp")) out.htp = htp(*std::move(section));
    measured(root, out);
    for (JsonReader& entry : root.objects("components", kRebuild)) {
      out.components.push_back(read_graph_record(entry));
    }
    for (JsonReader& entry : root.objects("files", kRebuild))
      out.files.push_back(read_file_record(entry));
    root.reject_unknown(kRebuild);
    LAP_RETURN_IF_ERROR(root.status());
    LAP_RETURN_IF_ERROR(check_consistency(out, where_));
    return out;
  }

 private:
  TextModel text(JsonReader reader) {
    TextModel out;
    out.vocab_size = reader.integer("vocab_size", {.min = 1});
    out.hidden_size = reader.integer("hidden_size", {.min = 1});
    out.per_layer_width = reader.integer("per_layer_width", {.min = 0});
    out.sliding_window = reader.integer("sliding_window", {.min = 0});
    out.max_positions = reader.integer("max_positions", {.min = 1});
    out.pad_token_id = reader.integer("pad_token_id", {.min = 0, .max = out.vocab_size - 1});
    out.vision_bidirectional_attention = reader.boolean("vision_bidirectional_attention");
    out.embedded_ids =
        reader.optional_integer("embedded_ids", {.min = 1, .max = out.vocab_size - 1});
    std::set<int64_t> layers;
    for (JsonReader& entry : reader.objects("caches", kRebuild)) {
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

  FixedEncoder fixed_encoder(JsonReader reader) {
    FixedEncoder out;
    out.soft_tokens = reader.integer("soft_tokens", {.min = 1, .max = kMostSoftTokens});
    out.masked = mask(reader);
    reader.reject_unknown(kRebuild);
    return out;
  }

  double mask(JsonReader& reader) {
    const double out = reader.number("masked", {.max = 0});
    if (out == 0) reader.fail("masked", "is 0, which hides nothing", kRebuild);
    return out;
  }

  VisionModel vision(JsonReader reader, int64_t vocab_size) {
    const IntegerRange token = {.min = -1, .max = vocab_size - 1};
    VisionModel out;
    out.image_token_id = reader.integer("image_token_id", {.min = 0, .max = vocab_size - 1});
    out.video_token_id = reader.integer("video_token_id", token);
    out.boi_token_id = reader.integer("boi_token_id", token);
    out.eoi_token_id = reader.integer("eoi_token_id", token);
    out.pooling_kernel_size = reader.integer_or("pooling_kernel_size", out.pooling_kernel_size,
                                                {.min = 1, .max = kWidestKernel});
    if (auto encoder = reader.optional_child("static_encoder")) {
      out.fixed_encoder = fixed_encoder(*std::move(encoder));
    }
    reader.reject_unknown(kRebuild);
    return out;
  }

  AudioModel audio(JsonReader reader, int64_t vocab_size) {
    const IntegerRange token = {.min = -1, .max = vocab_size - 1};
    AudioModel out;
    out.audio_token_id = reader.integer("audio_token_id", {.min = 0, .max = vocab_size - 1});
    out.boa_token_id = reader.integer("boa_token_id", token);
    out.eoa_token_id = reader.integer("eoa_token_id", token);
    const IntegerRange frames = {.min = 0, .max = kLongestChunk};
    out.attention_chunk_size = reader.integer_or("attention_chunk_size", 0, frames);
    out.attention_past = reader.integer_or("attention_past", 0, frames);
    out.attention_future = reader.integer_or("attention_future", 0, frames);
    if (auto encoder = reader.optional_child("static_encoder")) {
      out.fixed_encoder = fixed_encoder(*std::move(encoder));
      if (out.attention_chunk_size == 0) {
        reader.fail("attention_chunk_size", "is needed with static_encoder", kRebuild);
      }
    }
    reader.reject_unknown(kRebuild);
    return out;
  }

  FixedModel fixed_model(JsonReader reader) {
    FixedModel out;
    out.context_length = reader.integer("context_length", {.min = 2, .max = kLongestContext});
    out.prefill_length =
        reader.integer("prefill_length", {.min = 1, .max = out.context_length - 1});
    out.masked = mask(reader);
    out.host_logit_softcap = reader.number("host_logit_softcap", {.min = 0});
    for (JsonReader& entry : reader.objects("rotary", kRebuild)) {
      RotaryKind kind;
      kind.kind = entry.string("kind");
      for (const double frequency : entry.numbers("inv_freq", kFloat32Range)) {
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
    out.device = read_contexts(reader, "device");
    out.emulated = read_contexts(reader, "emulated");
    reader.reject_unknown(kRebuild);
    return out;
  }

  // Lists that are absent when they are empty.
  std::vector<JsonReader> optional_objects(JsonReader& root, const std::string& key) {
    return root.has_key(key) ? root.objects(key, kRebuild) : std::vector<JsonReader>();
  }

  void measured(JsonReader& root, Manifest& out) {
    for (JsonReader& entry : optional_objects(root, "calibration")) {
      out.calibration.push_back(read_calibration(entry));
    }
    for (JsonReader& entry : optional_objects(root, "agreement")) {
      out.agreement.push_back(read_agreement(entry));
    }
    for (JsonReader& entry : optional_objects(root, "quality")) {
      out.quality.push_back({.measure = read_name(entry, "measure"),
                             .data = read_name(entry, "data"),
                             .device = read_name(entry, "device"),
                             .count = entry.integer("count", {.min = 1}),
                             .value = entry.number("value", {.min = 0})});
      entry.reject_unknown(kRebuild);
    }
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
